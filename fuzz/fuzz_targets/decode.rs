//! Feeds the batch decoder anything: wrong lengths, overlaps, ends going backwards, ports and partitions out of range, rows that name missing input rows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_layout::{Batch, BatchBuilder, OutputRules, ROW_BYTES};

fuzz_target!(|data: &[u8]| {
    // The first two bytes say where the index ends and what the rules are; the rest is index and arena.
    let Some((head, rest)) = data.split_at_checked(2) else { return };
    let rows = usize::from(head[0] % 8);
    let cut = (rows * ROW_BYTES + usize::from(head[0] / 8 == 31)).min(rest.len());
    let (index, arena) = rest.split_at(cut);
    let Ok(batch) = Batch::parse(index.to_vec(), arena.to_vec()) else { return };
    let rules = OutputRules { input_rows: usize::from(head[1] % 5), partitions_by_port: &[4, u32::MAX, 1] };
    let fits = rules.check(&batch).is_ok();
    let mut copy = BatchBuilder::default();
    for view in &batch {
        assert!(!fits || usize::from(view.port) < 3);
        assert!(view.headers.iter().count() <= 65_535);
        copy.push_view(view);
    }
    let copy = copy.into_batch();
    assert_eq!(copy.len(), batch.len());
    assert_eq!(copy.arena(), batch.arena());
});
