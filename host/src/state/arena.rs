//! Room for the bytes of many small things, side by side: a stretch of address space that takes memory as it fills up, in large pages where the system gives them,
//! since each look into it is elsewhere. It is never moved, as a vector that grows is.

use memmap2::{Advice, MmapMut};

#[derive(Default)]
pub(super) struct Arena {
    map: Option<MmapMut>,
    length: usize,
}

impl Arena {
    /// Makes sure of room for `bytes` in all, of which none is memory yet. `false`: the system gives no such stretch.
    pub fn reserve(&mut self, bytes: usize) -> bool {
        if self.map.as_ref().is_none_or(|map| map.len() < bytes) {
            let Ok(mut map) = MmapMut::map_anon(bytes) else { return false };
            // Without large pages it is slower, and nothing else.
            let _small = map.advise(Advice::HugePage);
            map[..self.length].copy_from_slice(self.bytes());
            self.map = Some(map);
        }
        true
    }

    pub fn bytes(&self) -> &[u8] {
        self.map.as_ref().map_or(&[], |map| &map[..self.length])
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.map.as_mut().map_or(&mut [], |map| &mut map[..self.length])
    }

    pub fn len(&self) -> usize {
        self.length
    }

    /// Adds bytes at the end. Panics where no room was reserved.
    pub fn push(&mut self, bytes: &[u8]) {
        let begin = self.length;
        self.length += bytes.len();
        self.bytes_mut()[begin..].copy_from_slice(bytes);
    }

    /// Empties it, and keeps its memory.
    pub fn clear(&mut self) {
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_stays_when_room_is_made() {
        let mut arena = Arena::default();
        assert_eq!(arena.bytes(), b"");
        assert!(arena.reserve(10));
        arena.push(b"stays");
        assert!(arena.reserve(10 << 20));
        arena.push(&[7; 9 << 20]);
        assert_eq!((&arena.bytes()[..6], arena.len()), (&b"stays\x07"[..], 5 + (9 << 20)));
        arena.bytes_mut()[0] = b'S';
        assert_eq!(arena.bytes()[0], b'S');
        assert!(!arena.reserve(usize::MAX / 2), "no system has that");
        assert_eq!(arena.bytes()[0], b'S');
        arena.clear();
        assert_eq!(arena.bytes(), b"");
    }
}
