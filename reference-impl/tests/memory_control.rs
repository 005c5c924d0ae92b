//! What calls do when memory runs out: they say so, and nothing else happens.

mod common;

use common::{Answer, Machine, PAGE, READ_WRITE};
use vmo_abi::{
    Backend, ZX_ERR_BAD_HANDLE, ZX_ERR_INVALID_ARGS, ZX_ERR_NO_MEMORY, ZX_OK, ZX_RIGHT_SAME_RIGHTS,
    ZX_VM_FLAG_CAN_MAP_READ, ZX_VM_FLAG_CAN_MAP_WRITE, ZX_VM_FLAG_MAP_RANGE, ZX_VM_FLAG_PERM_READ,
    zx_handle_t, zx_signals_t, zx_vaddr_t,
};
use vmo_reference::Census;

const SIZE: u64 = 8 * PAGE;

/// Where and what the steps that write over several pages write.
const WRITE_OFFSET: u64 = PAGE / 2;
const WRITE_LEN: usize = 3 * PAGE as usize;

fn written(fill: u8) -> Vec<u8> {
    vec![fill; WRITE_LEN]
}

/// What the script has made so far; 0 stands for what is not there yet.
#[derive(Default)]
struct Made {
    root: zx_handle_t,
    clone: zx_handle_t,
    grandchild: zx_handle_t,
    duplicate: zx_handle_t,
    channel: [zx_handle_t; 2],
    region: zx_handle_t,
    mapped: zx_vaddr_t,
    mapped_in_region: zx_vaddr_t,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Write,
    Clone,
    WriteInClone,
    CloneClone,
    WriteInGrandchild,
    CommitGrandchild,
    CommitClone,
    Commit,
    Duplicate,
    Replace,
    Map,
    Store,
    StoreAcrossPages,
    Allocate,
    MapInRegion,
    StoreInRegion,
    Channel,
    Event,
    Port,
}

const SCRIPT: [Step; 20] = [
    Step::Create,
    Step::Write,
    Step::Clone,
    Step::WriteInClone,
    Step::CloneClone,
    Step::WriteInGrandchild,
    Step::CommitGrandchild,
    Step::CommitClone,
    Step::Commit,
    Step::Duplicate,
    Step::Replace,
    Step::Map,
    Step::Store,
    Step::StoreAcrossPages,
    Step::Allocate,
    Step::MapInRegion,
    Step::StoreInRegion,
    Step::Channel,
    Step::Event,
    Step::Port,
];

impl Step {
    fn run(self, machine: &Machine, made: &mut Made) -> Answer {
        let store = |address, bytes: &[u8]| {
            machine.store(address, bytes).map_err(|fault| {
                let last = address + bytes.len() as u64;
                assert!((address..last).contains(&fault.address));
                ZX_ERR_NO_MEMORY
            })
        };
        let simple = |status| if status == ZX_OK { Ok(()) } else { Err(status) };
        match self {
            Self::Create => made.root = machine.create(SIZE)?,
            Self::Write => machine.write(made.root, WRITE_OFFSET, &written(1))?,
            Self::Clone => made.clone = machine.clone_of(made.root, 0, SIZE)?,
            Self::WriteInClone => machine.write(made.clone, WRITE_OFFSET + PAGE, &written(2))?,
            Self::CloneClone => made.grandchild = machine.clone_of(made.clone, 0, SIZE)?,
            Self::WriteInGrandchild => machine.write(made.grandchild, 0, &written(3))?,
            Self::CommitGrandchild => machine.commit(made.grandchild, 2 * PAGE..6 * PAGE)?,
            Self::CommitClone => machine.commit(made.clone, 0..7 * PAGE)?,
            Self::Commit => machine.commit(made.root, 0..6 * PAGE)?,
            Self::Duplicate => made.duplicate = machine.duplicate(made.root)?,
            Self::Replace => {
                made.duplicate = machine.replace(made.duplicate, ZX_RIGHT_SAME_RIGHTS)?;
            }
            Self::Map => made.mapped = machine.map(made.root, 0, SIZE, READ_WRITE)?,
            Self::Store => store(made.mapped + 6 * PAGE, &[6])?,
            Self::StoreAcrossPages => store(made.mapped + 7 * PAGE - 4, &[7; 8])?,
            Self::Allocate => {
                let flags = ZX_VM_FLAG_CAN_MAP_READ | ZX_VM_FLAG_CAN_MAP_WRITE;
                made.region = machine.allocate(machine.root, 0, SIZE, flags)?.0;
            }
            Self::MapInRegion => {
                let vmo = made.grandchild;
                made.mapped_in_region = machine.map_in(made.region, 0, vmo, 0, SIZE, READ_WRITE)?;
            }
            Self::StoreInRegion => store(made.mapped_in_region + 7 * PAGE, &[8])?,
            Self::Channel => made.channel = machine.channel()?,
            Self::Event => simple(machine.reference.event_create(0, machine.out(0)))?,
            Self::Port => simple(machine.reference.port_create(0, machine.out(0)))?,
        }
        Ok(())
    }

    /// Checks what a refused step left behind, and prepares for its repetition.
    fn check_refusal(self, before: &Picture, machine: &Machine, made: &mut Made) {
        let mut after = Picture::take(machine, made);
        if self == Self::Replace {
            // The handle is consumed in any case (HANDLE-REPLACE-04).
            assert_eq!(machine.basic(made.duplicate), Err(ZX_ERR_BAD_HANDLE));
            assert_eq!(after.census.handles, before.census.handles - 1);
            after.census.handles += 1;
            made.duplicate = machine.duplicate(made.root).unwrap();
        }
        let (vmo, offset, fill) = match self {
            Self::Write => (0, WRITE_OFFSET, 1),
            Self::WriteInClone => (1, WRITE_OFFSET + PAGE, 2),
            Self::WriteInGrandchild => (2, 0, 3),
            _ => {
                assert_eq!(after, *before, "{self:?}");
                return;
            }
        };
        // A prefix that ends with a page may have been written (ND-03).
        let (old, new) = (&before.vmos[vmo].contents, &mut after.vmos[vmo].contents);
        let start = offset as usize;
        let changed = (start..start + WRITE_LEN).take_while(|at| new[*at] == fill).count();
        assert!((start + changed).is_multiple_of(PAGE as usize) || changed == 0, "{changed}");
        assert!(changed < WRITE_LEN);
        new[start..start + changed].copy_from_slice(&old[start..start + changed]);
        // Only frames may be left of it. A middle clone shows what the root
        // showed, whether it got a copy or not.
        let frames = after.census.frames - before.census.frames;
        assert!(frames <= 2 * changed.div_ceil(PAGE as usize) as u64, "{frames} frames");
        after.census.frames = before.census.frames;
        for vmo in vmo + 1..3 {
            // Clones show what is written above them.
            after.vmos[vmo].contents.clone_from(&before.vmos[vmo].contents);
        }
        assert_eq!(after, *before, "{self:?}");
    }
}

/// What can be seen of a VMO.
#[derive(Debug, Default, PartialEq, Eq)]
struct VmoPicture {
    size: u64,
    name: Vec<u8>,
    signals: zx_signals_t,
    contents: Vec<u8>,
}

/// What can be seen of everything.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    census: Census,
    vmos: [VmoPicture; 3],
    mapped: [Vec<u8>; 2],
}

impl Picture {
    fn take(machine: &Machine, made: &Made) -> Self {
        let vmos = [made.root, made.clone, made.grandchild].map(|vmo| {
            if vmo == 0 {
                return VmoPicture::default();
            }
            VmoPicture {
                size: machine.size(vmo).unwrap(),
                name: machine.name(vmo).unwrap(),
                signals: machine.signals(vmo),
                contents: machine.read(vmo, 0, SIZE).unwrap(),
            }
        });
        let mapped = [made.mapped, made.mapped_in_region].map(|address| {
            if address == 0 { Vec::new() } else { machine.load(address, SIZE).unwrap() }
        });
        Self { census: machine.census(), vmos, mapped }
    }
}

/// Runs the script with a failing allocation; answers how many steps were
/// refused, and with the picture at the end.
fn run_with_failure(nth: Option<u64>) -> (u32, Picture) {
    let machine = Machine::new();
    let mut made = Made::default();
    let mut refused = 0;
    assert!(machine.reference.fail_allocation(nth));
    for step in SCRIPT {
        let before = Picture::take(&machine, &made);
        if let Err(status) = step.run(&machine, &mut made) {
            assert_eq!(status, ZX_ERR_NO_MEMORY, "{step:?} with allocation {nth:?}");
            refused += 1;
            step.check_refusal(&before, &machine, &mut made);
            let again = step.run(&machine, &mut made);
            assert_eq!(again, Ok(()), "{step:?} once more after allocation {nth:?}");
        }
    }
    (refused, Picture::take(&machine, &made))
}

#[test]
fn a_failing_allocation_is_told_once_and_changes_nothing() {
    let (refused, expected) = run_with_failure(None);
    assert_eq!(refused, 0);
    for nth in 1.. {
        let (refused, picture) = run_with_failure(Some(nth));
        assert_eq!(picture, expected, "allocation {nth}");
        if refused == 0 {
            // Each step takes at least one allocation.
            assert!(nth > SCRIPT.len() as u64);
            break;
        }
        assert_eq!(refused, 1, "allocation {nth}");
    }
}

#[test]
fn a_memory_limit_refuses_what_needs_more_and_changes_nothing() {
    let (_, expected) = run_with_failure(None);
    let machine = Machine::new();
    let mut made = Made::default();
    for step in SCRIPT {
        let before = Picture::take(&machine, &made);
        let mut spare_frames = 0;
        loop {
            let limit = machine.census().frames.max(before.census.frames + spare_frames);
            assert!(machine.reference.set_memory_limit(Some(limit)));
            let Err(status) = step.run(&machine, &mut made) else { break };
            assert_eq!(status, ZX_ERR_NO_MEMORY, "{step:?} with {spare_frames} frames");
            step.check_refusal(&before, &machine, &mut made);
            assert!(machine.census().frames <= limit);
            spare_frames += 1;
            assert!(spare_frames < 20, "{step:?} has all the memory it could want");
        }
        let taken = machine.census().frames - before.census.frames;
        assert_eq!(taken, spare_frames, "{step:?} goes as soon as there is just enough");
    }
    assert_eq!(Picture::take(&machine, &made), expected);
}

#[test]
fn a_limit_below_what_is_in_use_takes_nothing_away() {
    let machine = Machine::new();
    let before = machine.census();
    let vmo = machine.create(SIZE).unwrap();
    machine.write(vmo, 0, &[1; 2 * PAGE as usize]).unwrap();
    machine.reference.set_memory_limit(Some(0));
    machine.write(vmo, PAGE, b"over what is there").unwrap();
    assert_eq!(machine.write(vmo, 2 * PAGE, b"new"), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.commit(vmo, 0..2 * PAGE), Ok(()));
    machine.decommit(vmo, 0..PAGE).unwrap();
    assert_eq!(machine.commit(vmo, 0..PAGE), Err(ZX_ERR_NO_MEMORY));
    machine.reference.set_memory_limit(None);
    machine.commit(vmo, 0..SIZE).unwrap();
    machine.close(vmo).unwrap();
    assert_eq!(machine.census(), before);
}

#[test]
fn released_frames_serve_again_and_come_back_clean() {
    let machine = Machine::new();
    machine.reference.set_memory_limit(Some(2));
    let vmo = machine.create(SIZE).unwrap();
    for page in 1..SIZE / PAGE {
        machine.write(vmo, page * PAGE, &[0xff; PAGE as usize]).unwrap();
        machine.decommit(vmo, page * PAGE..SIZE).unwrap();
        machine.commit(vmo, 0..PAGE).unwrap();
        assert!(machine.read(vmo, 0, PAGE).unwrap().iter().all(|byte| *byte == 0));
        machine.write(vmo, page * PAGE + 9, &[0xee]).unwrap();
        assert_eq!(machine.census().frames, 2);
        let around = machine.read(vmo, page * PAGE, PAGE).unwrap();
        assert_eq!(around.iter().filter(|byte| **byte == 0).count() as u64, PAGE - 1);
        machine.decommit(vmo, 0..SIZE).unwrap();
        assert_eq!(machine.census().frames, 0);
    }
}

#[test]
fn an_out_location_that_no_page_is_left_for_is_a_bad_pointer() {
    let machine = Machine::new();
    let vmo = machine.create(SIZE).unwrap();
    machine.set_name(vmo, "name").unwrap();
    let mapped = machine.map(vmo, 0, SIZE, READ_WRITE).unwrap();
    let other = machine.create(PAGE).unwrap();
    machine.reference.set_memory_limit(Some(0));
    let before = machine.census();
    let reference = &machine.reference;
    let root = machine.root;
    let statuses = [
        reference.vmo_create(0, 0, mapped),
        reference.vmo_clone(vmo, 1, 0, SIZE, mapped),
        reference.handle_duplicate(vmo, ZX_RIGHT_SAME_RIGHTS, mapped),
        reference.vmar_map(root, 0, vmo, 0, SIZE, ZX_VM_FLAG_PERM_READ, mapped),
        reference.vmo_get_size(vmo, mapped),
        reference.vmo_read(other, mapped, 0, PAGE),
        reference.object_get_property(vmo, vmo_abi::ZX_PROP_NAME, mapped, 32),
        reference.object_wait_one(vmo, vmo_abi::ZX_VMO_ZERO_CHILDREN, 0, mapped),
        reference.channel_create(0, machine.out(0), mapped),
        reference.channel_create(0, mapped, machine.out(0)),
    ];
    assert_eq!(statuses, [ZX_ERR_INVALID_ARGS; 10]);
    assert_eq!(machine.census(), before);
    machine.reference.set_memory_limit(Some(1));
    assert_eq!(machine.reference.vmo_get_size(vmo, mapped), ZX_OK);
}

#[test]
fn mapping_eagerly_leaves_out_what_no_memory_is_left_for() {
    let machine = Machine::new();
    let root = machine.create(SIZE).unwrap();
    machine.commit(root, 0..SIZE).unwrap();
    machine.write(root, 5 * PAGE, b"root").unwrap();
    let clone = machine.clone_of(root, 0, SIZE).unwrap();
    let frames = machine.census().frames;
    machine.reference.set_memory_limit(Some(frames + 2));
    let flags = READ_WRITE | ZX_VM_FLAG_MAP_RANGE;
    let mapped = machine.map(clone, 0, SIZE, flags).unwrap();
    assert_eq!(machine.load(mapped + 5 * PAGE, 4).unwrap(), b"root");
    assert!(machine.store(mapped + 5 * PAGE, b"clone").is_err());
    machine.reference.set_memory_limit(None);
    machine.store(mapped + 5 * PAGE, b"clone").unwrap();
    assert_eq!(machine.read(root, 5 * PAGE, 4).unwrap(), b"root");
}

#[test]
fn a_failing_order_can_be_taken_back() {
    let machine = Machine::new();
    machine.reference.fail_allocation(Some(1));
    machine.reference.fail_allocation(None);
    let vmo = machine.create(SIZE).unwrap();
    // Reading, measuring, resizing and closing allocate nothing.
    machine.reference.fail_allocation(Some(1));
    machine.read(vmo, 0, SIZE).unwrap();
    machine.set_size(vmo, 2 * SIZE).unwrap();
    machine.decommit(vmo, 0..SIZE).unwrap();
    machine.set_name(vmo, "name").unwrap();
    assert_eq!(machine.commit(vmo, 0..0), Ok(()));
    assert_eq!(machine.write(vmo, 0, &[1]), Err(ZX_ERR_NO_MEMORY));
    assert_eq!(machine.write(vmo, 0, &[1]), Ok(()));
    assert_eq!(machine.write(vmo, 0, &[2]), Ok(()));
}
