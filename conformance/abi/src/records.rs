//! Records that calls store in user memory, little endian, with their layouts.

#![allow(non_camel_case_types)]

use crate::constants::{
    ZX_MAX_NAME_LEN, zx_handle_t, zx_koid_t, zx_obj_type_t, zx_rights_t, zx_signals_t, zx_vaddr_t,
};

/// A record with a fixed layout in user memory.
pub trait Record<const SIZE: usize>: Sized {
    /// Bytes of the record.
    const SIZE: usize = SIZE;
    /// The record as it lies in memory; padding is 0.
    fn to_bytes(&self) -> [u8; SIZE];
    /// Reads the record from memory; padding is not looked at.
    fn from_bytes(bytes: &[u8; SIZE]) -> Self;
}

/// Declares a record: each field with its offset, its type and its bytes.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident [$size:literal] {
        $($(#[$field_doc:meta])* $offset:literal $field:ident: $type:ty,)*
        $(; $(#[$name_doc:meta])* $name_offset:literal name)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            $($(#[$name_doc])* #[doc = concat!("At offset ", $name_offset, ".")]
            pub name: [u8; ZX_MAX_NAME_LEN],)?
        }

        impl Record<$size> for $name {
            fn to_bytes(&self) -> [u8; $size] {
                let mut bytes = [0; $size];
                $(bytes[$offset..$offset + size_of::<$type>()]
                    .copy_from_slice(&self.$field.to_le_bytes());)*
                $(bytes[$name_offset..$name_offset + ZX_MAX_NAME_LEN].copy_from_slice(&self.name);)?
                bytes
            }

            fn from_bytes(bytes: &[u8; $size]) -> Self {
                Self {
                    $($field: {
                        let mut field = [0; size_of::<$type>()];
                        field.copy_from_slice(&bytes[$offset..$offset + size_of::<$type>()]);
                        <$type>::from_le_bytes(field)
                    },)*
                    $(name: {
                        let mut name = [0; ZX_MAX_NAME_LEN];
                        name.copy_from_slice(&bytes[$name_offset..$name_offset + ZX_MAX_NAME_LEN]);
                        name
                    },)?
                }
            }
        }
    };
}

record! {
    /// What `ZX_INFO_HANDLE_BASIC` stores (OBJ-INFO-03).
    zx_info_handle_basic_t [32] {
        /// The object's koid.
        0 koid: zx_koid_t,
        /// The rights of this handle.
        8 rights: zx_rights_t,
        /// The object's type.
        12 type_: zx_obj_type_t,
        /// The koid of the object's peer, 0 if it has none.
        16 related_koid: zx_koid_t,
        /// `ZX_OBJ_PROP_*`.
        24 props: u32,
    }
}

record! {
    /// What `ZX_INFO_VMAR` stores.
    zx_info_vmar_t [16] {
        /// Address of the region's first byte.
        0 base: zx_vaddr_t,
        /// Bytes of the region.
        8 len: u64,
    }
}

record! {
    /// One entry of what `ZX_INFO_PROCESS_VMOS` stores (OBJ-INFO-25 to -30).
    zx_info_vmo_t [104] {
        /// The VMO's koid.
        0 koid: zx_koid_t,
        /// Bytes of the VMO.
        40 size_bytes: u64,
        /// The koid of the VMO it is a clone of, else 0.
        48 parent_koid: zx_koid_t,
        /// Direct clones.
        56 num_children: u64,
        /// Mappings in all address spaces.
        64 num_mappings: u64,
        /// Address spaces with mappings, at least 1.
        72 share_count: u64,
        /// `ZX_INFO_VMO_*`.
        80 flags: u32,
        /// Bytes attached to this VMO itself.
        88 committed_bytes: u64,
        /// Rights of the handle, for an entry that stands for a handle.
        96 handle_rights: zx_rights_t,
        ;
        /// The VMO's name.
        8 name
    }
}

record! {
    /// One item of `object_wait_many`.
    zx_wait_item_t [12] {
        /// What to wait on.
        0 handle: zx_handle_t,
        /// The signals to wait for.
        4 waitfor: zx_signals_t,
        /// The signals seen.
        8 pending: zx_signals_t,
    }
}
