//! Names to look for, and which of them a field's is: one multiplication and, as a rule, one comparison of a word, however many there are.

/// Bytes of a name that fit into a word; longer names are compared on.
const HEAD_BYTES: usize = 8;
const BUCKETS: usize = 64;
const NOTHING: u32 = u32::MAX;

/// A set of names, numbered in the order in which they were given; a name given twice has two numbers and one place.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// By number.
    places: Vec<u32>,
    distinct: Vec<Distinct>,
    /// The first name of each bucket; [`NOTHING`]: none.
    buckets: [u32; BUCKETS],
}

#[derive(Clone, Debug)]
struct Distinct {
    /// The first bytes, the first one lowest, zeros behind.
    head: u64,
    name: Box<[u8]>,
    /// The next name of the same bucket.
    next: u32,
}

impl Names {
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Names {
        let mut set = Names { places: Vec::new(), distinct: Vec::new(), buckets: [NOTHING; BUCKETS] };
        for name in names {
            let place = set.add(name.as_ref().as_bytes());
            set.places.push(place);
        }
        set
    }

    fn add(&mut self, name: &[u8]) -> u32 {
        if let Some(place) = self.number_of(name) {
            return place as u32;
        }
        let place = self.distinct.len() as u32;
        let head = head_of(name);
        let first = &mut self.buckets[bucket(head, name.len())];
        self.distinct.push(Distinct { head, name: name.into(), next: *first });
        *first = place;
        place
    }

    /// How many places there are.
    pub fn distinct(&self) -> usize {
        self.distinct.len()
    }

    /// The place of the name with this number. Panics past the names.
    #[inline]
    pub fn place(&self, number: usize) -> usize {
        self.places[number] as usize
    }

    /// The place of the name that stands in a text.
    #[inline(always)]
    pub fn number(&self, text: &[u8], begin: usize, end: usize) -> Option<usize> {
        let length = end - begin;
        let head = match text.get(begin..).and_then(|rest| rest.first_chunk::<HEAD_BYTES>()) {
            Some(bytes) if length >= HEAD_BYTES => u64::from_le_bytes(*bytes),
            Some(bytes) => u64::from_le_bytes(*bytes) & !(u64::MAX << (8 * length)),
            // The text's last bytes.
            None => head_of(&text[begin..end]),
        };
        self.look_up(head, length, |name| name[HEAD_BYTES..] == text[begin + HEAD_BYTES..end])
    }

    /// The place of a name.
    pub fn number_of(&self, name: &[u8]) -> Option<usize> {
        self.look_up(head_of(name), name.len(), |other| other[HEAD_BYTES..] == name[HEAD_BYTES..])
    }

    #[inline(always)]
    fn look_up(&self, head: u64, length: usize, same_rest: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let is_it = |distinct: &Distinct| distinct.head == head && distinct.name.len() == length && (length <= HEAD_BYTES || same_rest(&distinct.name));
        let place = self.buckets[bucket(head, length)];
        let first = self.distinct.get(place as usize)?;
        if is_it(first) { Some(place as usize) } else { self.look_further(first.next, is_it) }
    }

    /// Names that share a bucket with one that it is not.
    #[cold]
    #[inline(never)]
    fn look_further(&self, mut place: u32, is_it: impl Fn(&Distinct) -> bool) -> Option<usize> {
        while let Some(distinct) = self.distinct.get(place as usize) {
            if is_it(distinct) {
                return Some(place as usize);
            }
            place = distinct.next;
        }
        None
    }
}

fn head_of(name: &[u8]) -> u64 {
    name.iter().take(HEAD_BYTES).rev().fold(0, |head, byte| head << 8 | u64::from(*byte))
}

/// The upper bits of a product, in which all bits of the head have a part.
#[inline(always)]
fn bucket(head: u64, length: usize) -> usize {
    (head.wrapping_add(length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
}

const _: () = assert!(BUCKETS == 1 << (64 - 58));
