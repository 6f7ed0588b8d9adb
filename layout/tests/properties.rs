//! Whatever is packed comes out again; whatever bytes come in are either a well-formed batch or an error that names a row, never a panic.

use millstream_layout::{Batch, BatchBuilder, Fields, Headers, HeadersBuilder, NONE, OutputRules, ROW_BYTES};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A record as a test thinks of it.
#[derive(Clone, Debug, PartialEq)]
struct Record {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    fields: (u16, i64, i64, u32, u32),
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..20)
}

fn record() -> impl Strategy<Value = Record> {
    let headers = vec((bytes(), option::of(bytes())), 0..4);
    (option::of(bytes()), option::of(bytes()), headers, any::<(u16, i64, i64, u32, u32)>()).prop_map(|(key, value, headers, fields)| Record {
        key,
        value,
        headers,
        fields,
    })
}

fn pack(records: &[Record]) -> Batch {
    let mut batch = BatchBuilder::default();
    for record in records {
        let mut headers = HeadersBuilder::default();
        record.headers.iter().for_each(|(name, value)| assert!(headers.push(name, value.as_deref())));
        let (port, timestamp, offset, partition, key_id) = record.fields;
        batch.push(record.key.as_deref(), record.value.as_deref(), headers.headers(), Fields { port, timestamp, offset, partition, key_id });
    }
    batch.into_batch()
}

fn unpack(batch: &Batch) -> Vec<Record> {
    let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    let record = |view: millstream_layout::View<'_>| Record {
        key: own(view.key),
        value: own(view.value),
        headers: view.headers.iter().map(|(name, value)| (name.to_vec(), own(value))).collect(),
        fields: (view.port, view.timestamp, view.offset, view.partition, view.key_id),
    };
    batch.iter().map(record).collect()
}

/// Reads every byte that a batch gives access to.
fn touch(batch: &Batch) -> usize {
    let headers = |headers: Headers<'_>| headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum::<usize>();
    batch.iter().map(|view| view.key.map_or(0, <[u8]>::len) + view.value.map_or(0, <[u8]>::len) + headers(view.headers)).sum()
}

proptest! {
    #[test]
    fn what_is_packed_comes_out_again(records in vec(record(), 0..30)) {
        let batch = pack(&records);
        prop_assert_eq!(unpack(&batch), records);
        let (index, arena) = batch.clone().into_parts();
        prop_assert_eq!(Batch::parse(index, arena), Ok(batch));
    }

    #[test]
    fn runs_copied_piece_by_piece_are_the_whole(records in vec(record(), 1..30), cuts in vec(any::<prop::sample::Index>(), 0..5)) {
        let batch = pack(&records);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(records.len())).collect();
        cuts.extend([0, records.len()]);
        cuts.sort_unstable();
        let mut copy = BatchBuilder::default();
        for pair in cuts.windows(2) {
            copy.extend(&batch, pair[0]..pair[1]);
        }
        prop_assert_eq!(copy.into_batch(), batch);
    }

    #[test]
    fn changed_bytes_are_a_batch_or_an_error(records in vec(record(), 1..10), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in 0usize..3) {
        let (mut index, mut arena) = pack(&records).into_parts();
        for (at, byte) in &changes {
            let at = at.index(index.len());
            index[at] = *byte;
        }
        index.truncate(index.len() - cut);
        arena.truncate(arena.len() - cut.min(arena.len()));
        if let Ok(batch) = Batch::parse(index, arena) {
            prop_assert!(touch(&batch) <= batch.arena().len());
            prop_assert_eq!(pack(&unpack(&batch)).len(), batch.len());
        }
    }

    #[test]
    fn any_bytes_are_a_batch_or_an_error(index in vec(any::<u8>(), 0..4 * ROW_BYTES), arena in vec(any::<u8>(), 0..64)) {
        if let Ok(batch) = Batch::parse(index, arena) {
            touch(&batch);
        }
    }

    #[test]
    fn rows_may_name_only_what_there_is(records in vec(record(), 1..10), ports in 1u16..4, rows in 1usize..8, partitions in 1u32..5) {
        let batch = pack(&records);
        let by_port = vec![partitions; usize::from(ports)];
        let fine = records.iter().all(|record| {
            let (port, _, offset, partition, _) = record.fields;
            port < ports && (0..rows as i64).contains(&offset) && (partition == NONE || partition < partitions)
        });
        prop_assert_eq!(OutputRules { input_rows: rows, partitions_by_port: &by_port }.check(&batch).is_ok(), fine);
    }

    #[test]
    fn headers_are_well_formed_exactly_when_they_use_all_their_bytes(bytes in vec(any::<u8>(), 0..40)) {
        let headers = Headers::packed(&bytes);
        if headers.is_well_formed() {
            let mut again = HeadersBuilder::default();
            headers.iter().for_each(|(name, value)| assert!(again.push(name, value)));
            prop_assert!(again.headers().bytes() == bytes || headers.iter().count() == 0);
        } else {
            // Reading it anyway ends early and in bounds.
            prop_assert!(headers.iter().count() <= usize::from(u16::MAX));
        }
    }
}
