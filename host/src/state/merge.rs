//! One ordered view of what is written and what is committed.

use std::ops::ControlFlow;

use super::overlay::Overlay;
use super::{StateStore, StoreHandle, Visit};
use crate::error::HostError;

/// Visits keys of the overlay and of the store below in one order; the overlay's value wins, its deletions hide. Returns whether the visitor broke off.
pub(super) fn merge(below: &dyn StateStore, handle: StoreHandle, overlay: &mut Overlay, begin: &[u8], end: &[u8], visit: Visit<'_>) -> Result<bool, HostError> {
    let mut above = overlay.range(begin, end).peekable();
    let mut broke = false;
    below.scan(handle, begin, end, &mut |key, value| {
        while let Some((written, new)) = above.next_if(|(written, _)| *written < key) {
            if new.is_some_and(|new| visit(written, new).is_break()) {
                broke = true;
                return ControlFlow::Break(());
            }
        }
        let value = match above.next_if(|(written, _)| *written == key) {
            Some((_, None)) => return ControlFlow::Continue(()),
            Some((_, Some(new))) => new,
            None => value,
        };
        broke = visit(key, value).is_break();
        if broke { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    while !broke {
        let Some((written, new)) = above.next() else { break };
        broke = new.is_some_and(|new| visit(written, new).is_break());
    }
    Ok(broke)
}
