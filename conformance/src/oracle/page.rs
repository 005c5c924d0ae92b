//! What one page may hold.

use std::sync::Arc;

/// Bytes in a page.
pub(super) const PAGE: usize = vmo_abi::ZX_PAGE_SIZE as usize;

static ZEROS: [u8; PAGE] = [0; PAGE];

/// Whether all bytes are 0.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(PAGE).all(|chunk| chunk == &ZEROS[..chunk.len()])
}

/// A bit for each byte of a page.
type Mask = [u64; PAGE / 64];

/// The bytes of a page, of which some may be unknown.
#[derive(Clone)]
pub(super) struct Bytes {
    data: [u8; PAGE],
    unknown: Option<Box<Mask>>,
    /// Whether something was stored since the page was last cleaned (ND-11).
    dirty: bool,
}

impl Bytes {
    fn new(unknown: bool) -> Self {
        Self {
            data: [0; PAGE],
            unknown: unknown.then(|| Box::new([u64::MAX; PAGE / 64])),
            dirty: true,
        }
    }

    fn is_unknown(mask: &Mask, at: usize) -> bool {
        mask[at / 64] & (1 << (at % 64)) != 0
    }

    fn matches(&self, at: usize, bytes: &[u8]) -> bool {
        let own = &self.data[at..at + bytes.len()];
        match &self.unknown {
            None => own == bytes,
            Some(mask) => (at..)
                .zip(own.iter().zip(bytes))
                .all(|(at, (own, byte))| own == byte || Self::is_unknown(mask, at)),
        }
    }

    fn set_known(&mut self, at: usize, len: usize) {
        let Some(mask) = &mut self.unknown else { return };
        for at in at..at + len {
            mask[at / 64] &= !(1 << (at % 64));
        }
        if mask.iter().all(|word| *word == 0) {
            self.unknown = None;
        }
    }

    fn set_unknown(&mut self, at: usize, len: usize) {
        let mask = self.unknown.get_or_insert_with(|| Box::new([0; PAGE / 64]));
        for at in at..at + len {
            mask[at / 64] |= 1 << (at % 64);
        }
    }

    fn put(&mut self, at: usize, piece: &Piece<'_>) {
        self.dirty = true;
        match piece {
            Piece::Known(bytes) => {
                self.data[at..at + bytes.len()].copy_from_slice(bytes);
                self.set_known(at, bytes.len());
            }
            Piece::Unknown(len) => self.set_unknown(at, *len),
            Piece::Copy(page, from, len) => match page {
                Page::Filled(source) => {
                    self.data[at..at + len].copy_from_slice(&source.data[*from..from + len]);
                    self.set_known(at, *len);
                    if let Some(mask) = &source.unknown {
                        for offset in 0..*len {
                            if Self::is_unknown(mask, from + offset) {
                                self.set_unknown(at + offset, 1);
                            }
                        }
                    }
                }
                Page::Unknown => self.set_unknown(at, *len),
                _ => self.put(at, &Piece::Known(&ZEROS[..*len])),
            },
        }
    }
}

/// Bytes on their way into a page.
pub(super) enum Piece<'a> {
    /// These.
    Known(&'a [u8]),
    /// So many that nobody knows.
    Unknown(usize),
    /// From a page, an offset and a length.
    Copy(&'a Page, usize, usize),
}

impl Piece<'_> {
    /// Nothing: the page is only committed.
    pub(super) const NONE: Self = Piece::Known(&[]);

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Known(bytes) => bytes.len(),
            Self::Unknown(len) | Self::Copy(_, _, len) => *len,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One possibility for a position of a VMO.
#[derive(Clone)]
pub(super) enum Page {
    /// No page of its own: the parent's shows, or zeros if there is none.
    Follows,
    /// No page of its own, and zeros show although there is a parent: what some
    /// implementation may do where the kernel lets the parent show (COW-29).
    Severed,
    /// An own page of zeros.
    Zero,
    /// An own page that nothing is known about.
    Unknown,
    /// An own page with these bytes.
    Filled(Arc<Bytes>),
}

/// How bytes that were seen compare with a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Same,
    /// They may be its bytes, and it is known better now.
    Possible,
    Different,
}

impl Page {
    /// Whether the page is attached to the VMO itself.
    pub(super) fn is_own(&self) -> bool {
        !matches!(self, Self::Follows | Self::Severed)
    }

    /// Compares bytes that were seen at `at` with an own page; a position
    /// without one counts as zeros.
    pub(super) fn compare(&self, at: usize, bytes: &[u8]) -> Match {
        let same = match self {
            Self::Filled(own) if own.unknown.is_some() => {
                return if own.matches(at, bytes) { Match::Possible } else { Match::Different };
            }
            Self::Filled(own) => own.matches(at, bytes),
            Self::Unknown => return Match::Possible,
            _ => is_zero(bytes),
        };
        if same { Match::Same } else { Match::Different }
    }

    /// Takes note of bytes that were seen and that it may have had.
    pub(super) fn learn(&mut self, at: usize, bytes: &[u8]) {
        if let Self::Unknown = self {
            *self = Self::Filled(Arc::new(Bytes::new(true)));
        }
        if let Self::Filled(own) = self
            && own.unknown.is_some()
        {
            let own = Arc::make_mut(own);
            own.data[at..at + bytes.len()].copy_from_slice(bytes);
            own.set_known(at, bytes.len());
        }
    }

    /// The known bytes of a range, `None` if one is not known.
    pub(super) fn bytes(&self, at: usize, len: usize) -> Option<&[u8]> {
        match self {
            Self::Filled(own) => {
                let known = own
                    .unknown
                    .as_ref()
                    .is_none_or(|mask| (at..at + len).all(|at| !Bytes::is_unknown(mask, at)));
                known.then(|| &own.data[at..at + len])
            }
            Self::Unknown => None,
            _ => Some(&ZEROS[..len]),
        }
    }

    /// Puts bytes into the page, which becomes an own one.
    pub(super) fn put(&mut self, at: usize, piece: &Piece<'_>) {
        if piece.is_empty() {
            if !self.is_own() {
                *self = Self::Zero;
            }
            return;
        }
        if let (Piece::Copy(page, 0, PAGE), 0) = (piece, at) {
            *self = page.copied();
            return;
        }
        if let (Self::Zero | Self::Follows | Self::Severed, true) =
            (&*self, matches!(piece, Piece::Unknown(PAGE)))
        {
            *self = Self::Unknown;
            return;
        }
        match self {
            Self::Filled(own) => Arc::make_mut(own).put(at, piece),
            Self::Unknown => {
                if !matches!(piece, Piece::Unknown(_)) {
                    let mut own = Bytes::new(true);
                    own.put(at, piece);
                    *self = Self::Filled(Arc::new(own));
                }
            }
            _ => {
                let mut own = Arc::new(Bytes::new(false));
                if let Some(own) = Arc::get_mut(&mut own) {
                    own.put(at, piece);
                }
                *self = Self::Filled(own);
            }
        }
    }

    /// An own page with the bytes that show here.
    pub(super) fn copied(&self) -> Self {
        match self {
            Self::Filled(own) if !own.dirty => {
                // To copy is to store.
                let mut own = Bytes::clone(own);
                own.dirty = true;
                Self::Filled(Arc::new(own))
            }
            page if page.is_own() => page.clone(),
            _ => Self::Zero,
        }
    }

    /// What was stored since the last clean may be lost (ND-11).
    pub(super) fn invalidate(&mut self) {
        if let Self::Filled(own) = self
            && own.dirty
        {
            *self = Self::Unknown;
        }
    }

    /// What was stored has reached memory.
    pub(super) fn clean(&mut self) {
        if let Self::Filled(own) = self
            && own.dirty
        {
            Arc::make_mut(own).dirty = false;
        }
    }

    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Filled(one), Self::Filled(other)) => {
                Arc::ptr_eq(one, other) || (one.data == other.data && one.unknown == other.unknown)
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// Most possibilities that are told apart at one position.
const MOST_ALTERNATIVES: usize = 6;

/// Everything that a position of a VMO may hold.
#[derive(Clone)]
pub(super) enum Slot {
    One(Page),
    Several(Arc<[Page]>),
}

pub(super) static FOLLOWS: Slot = Slot::One(Page::Follows);

impl Slot {
    /// The slot with these possibilities, of which there is at least one. Too
    /// many become an unknown page.
    pub(super) fn of(pages: Vec<Page>) -> Self {
        let mut distinct: Vec<Page> = Vec::with_capacity(pages.len());
        for page in pages {
            if !distinct.iter().any(|known| known.same_as(&page)) {
                distinct.push(page);
            }
        }
        if distinct.len() > MOST_ALTERNATIVES {
            distinct.retain(|page| !page.is_own());
            distinct.push(Page::Unknown);
        }
        match distinct.len() {
            0 => FOLLOWS.clone(),
            1 => Self::One(distinct.swap_remove(0)),
            _ => Self::Several(distinct.into()),
        }
    }

    pub(super) fn alternatives(&self) -> &[Page] {
        match self {
            Self::One(page) => std::slice::from_ref(page),
            Self::Several(pages) => pages,
        }
    }

    /// Whether the parent may show here.
    pub(super) fn may_follow(&self) -> bool {
        self.alternatives().iter().any(|page| matches!(page, Page::Follows))
    }

    pub(super) fn may_be_own(&self) -> bool {
        self.alternatives().iter().any(Page::is_own)
    }

    pub(super) fn is_own(&self) -> bool {
        self.alternatives().iter().all(Page::is_own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bytes_become_known_once_seen() {
        let mut page = Page::Follows;
        page.put(10, &Piece::Known(b"abc"));
        page.put(11, &Piece::Unknown(1));
        assert!(page.compare(10, b"axc") == Match::Possible);
        assert!(page.compare(10, b"xbc") == Match::Different);
        page.learn(10, b"axc");
        assert!(page.compare(10, b"axc") == Match::Same);
        assert!(page.compare(10, b"abc") == Match::Different);
        assert!(page.compare(0, &[0; 10]) == Match::Same);
    }

    #[test]
    fn too_many_possibilities_become_an_unknown_page() {
        let filled = |byte: u8| {
            let mut page = Page::Zero;
            page.put(0, &Piece::Known(&[byte]));
            page
        };
        let mut pages: Vec<_> = (1..5).map(filled).collect();
        pages.push(Page::Follows);
        pages.push(filled(1));
        assert_eq!(Slot::of(pages.clone()).alternatives().len(), 5);
        pages.extend((5..20).map(filled));
        let slot = Slot::of(pages);
        assert_eq!(slot.alternatives().len(), 2);
        assert!(slot.may_follow() && slot.may_be_own() && !slot.is_own());
    }
}
