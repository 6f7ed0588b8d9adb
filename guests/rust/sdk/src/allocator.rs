//! The allocator of a component: lists of free blocks by size over std's own. Operators over text allocate a few small blocks per record and give them
//! back at once; with std's allocator for Wasm (a dlmalloc) that was a third of their time (`bench/RESULTS.md`).
//!
//! Sound because an instance has one thread: nothing here is shared, and nothing here panics.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::{copy_nonoverlapping, null_mut};

/// Blocks are multiples of this and lie at multiples of it, bytes.
const STEP: usize = 16;
/// Larger blocks are std's, bytes.
const SMALL_MAX: usize = 512;
const CLASSES: usize = SMALL_MAX / STEP;
/// What is taken from std at a time, bytes.
const SLAB: usize = 32 << 10;

/// A free block: its first word is the next one of its class.
type Free = *mut Block;

struct Block {
    next: Free,
}

struct Lists {
    free: [Free; CLASSES],
    /// The part of the newest slab that was never given out.
    fresh: *mut u8,
    fresh_end: *mut u8,
}

/// Small blocks from lists, others from std. Small blocks that are given back are kept for their size; the host recycles an instance that has grown.
pub struct Allocator(UnsafeCell<Lists>);

// SAFETY: a component has no threads (checked below), so nobody shares it.
unsafe impl Sync for Allocator {}

const _: () = assert!(cfg!(not(target_feature = "atomics")), "the SDK's allocator is for instances of one thread");

impl Allocator {
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Allocator(UnsafeCell::new(Lists { free: [null_mut(); CLASSES], fresh: null_mut(), fresh_end: null_mut() }))
    }
}

/// The class of a block, if it is small. Sizes of 0 never come here.
#[inline(always)]
fn class(size: usize, align: usize) -> Option<usize> {
    (size <= SMALL_MAX && align <= STEP).then(|| (size - 1) / STEP)
}

impl Lists {
    #[inline(always)]
    fn take(&mut self, class: usize) -> *mut u8 {
        let block = self.free[class];
        if block.is_null() {
            return self.carve((class + 1) * STEP);
        }
        // SAFETY: blocks in the list are free, ours, and hold their next.
        self.free[class] = unsafe { (*block).next };
        block.cast()
    }

    #[inline(always)]
    fn give(&mut self, class: usize, block: *mut u8) {
        let block: Free = block.cast();
        // SAFETY: the caller has no more use for it; it is at least STEP long and aligned.
        unsafe { (*block).next = self.free[class] };
        self.free[class] = block;
    }

    #[cold]
    fn carve(&mut self, size: usize) -> *mut u8 {
        if (self.fresh_end as usize) - (self.fresh as usize) < size {
            // What is left of the old slab is given up: less than SMALL_MAX of SLAB.
            // SAFETY: the layout is not empty.
            let slab = unsafe { System.alloc(Layout::from_size_align_unchecked(SLAB, STEP)) };
            if slab.is_null() {
                return slab;
            }
            self.fresh = slab;
            // SAFETY: the end of what was allocated.
            self.fresh_end = unsafe { slab.add(SLAB) };
        }
        let block = self.fresh;
        // SAFETY: there is room, as checked.
        self.fresh = unsafe { block.add(size) };
        block
    }
}

// SAFETY: blocks are given out once until they come back, are as long as their class and as aligned as STEP; all else is std's allocator.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class(layout.size(), layout.align()) {
            Some(class) => unsafe { (*self.0.get()).take(class) },
            None => unsafe { System.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class(layout.size(), layout.align()) {
            Some(class) => unsafe { (*self.0.get()).give(class, block) },
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (old, new) = (class(layout.size(), layout.align()), class(size, layout.align()));
        match (old, new) {
            (Some(old), Some(new)) if old == new => block,
            (None, None) => unsafe { System.realloc(block, layout, size) },
            _ => unsafe {
                let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                if !moved.is_null() {
                    copy_nonoverlapping(block, moved, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                moved
            },
        }
    }
}
