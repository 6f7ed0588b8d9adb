//! Opens the database of a data folder, so that whatever was promised is there or is missed by name.

use std::path::Path;

use rocksdb::{BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Options};

use super::{BLOCKS, DATABASE, FAMILIES};
use crate::error::HostError;
use crate::state::{STATE_FAMILY, failure, is_damage};

/// Memory for blocks read, and for writes not flushed yet, of the whole host, bytes.
const BLOCK_CACHE_BYTES: usize = 256 << 20;
const WRITE_BUFFER_BYTES: usize = 64 << 20;
/// State is written at random places: a small sorted buffer stays in the processor's cache (700 against 860 ns per key of a checkpoint).
const STATE_BUFFER_BYTES: usize = 16 << 20;
/// Of that buffer, for a filter: a key that is new is not looked for in it (a third of all time with a million keys). Some 16 bits a key.
const STATE_BUFFER_BLOOM: f64 = 0.03;
/// So many flushed buffers are merged at once: with half as many the rest of the state is written twice as often.
const STATE_FILES_MERGED: i32 = 8;
/// Levels of the state's files, and how many of them, from the top, are not compressed.
const STATE_LEVELS: usize = 7;
const STATE_LEVELS_PLAIN: usize = 2;
/// Shorter blocks lie beside their keys.
const BLOB_BYTES_MIN: u64 = 4 << 10;
const WAL_BYTES_MAX: u64 = 256 << 20;

/// Opens the database of `folder`, which must reach sequence number `promised`. `fresh`: makes it first.
pub(super) fn database(folder: &Path, fresh: bool, promised: u64) -> Result<DB, HostError> {
    let path = folder.join(DATABASE);
    let doing = || format!("opening the data folder {}", folder.display());
    let open = |mode| DB::open_cf_descriptors(&options(fresh, mode), &path, families());
    let db = match open(DBRecoveryMode::AbsoluteConsistency) {
        Err(error) if is_damage(&error) => {
            // Perhaps only a write cut short by a crash. Look before anything is written: what recovery drops is gone for good.
            let look = DB::open_cf_descriptors_read_only(&options(false, DBRecoveryMode::PointInTime), &path, families(), false);
            let look = look.map_err(|error| failure(doing(), &error))?;
            check_reach(folder, look.latest_sequence_number(), promised)?;
            drop(look);
            open(DBRecoveryMode::PointInTime)
        }
        opened => opened,
    };
    let db = db.map_err(|error| failure(doing(), &error))?;
    check_reach(folder, db.latest_sequence_number(), promised)?;
    Ok(db)
}

fn check_reach(folder: &Path, reached: u64, promised: u64) -> Result<(), HostError> {
    if reached >= promised {
        return Ok(());
    }
    let reason = format!("its log ends at write {reached}, but write {promised} was committed: the end of the log is damaged or missing");
    Err(HostError::storage(format!("the data folder {}", folder.display()), reason)
        .with_help("nothing was changed: restore the folder from a backup, or start over with another --data"))
}

fn families() -> impl Iterator<Item = ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    FAMILIES.into_iter().map(move |name| ColumnFamilyDescriptor::new(name, family(name, &cache)))
}

fn options(fresh: bool, recovery: DBRecoveryMode) -> Options {
    let mut options = Options::default();
    // Only for a fresh folder: in another, a family that is missing was lost, and an empty one in its place would hide that.
    options.create_if_missing(fresh);
    options.create_missing_column_families(fresh);
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(recovery);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(2);
    options
}

fn family(name: &str, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Lz4);
    if name == BLOCKS {
        // Blocks of records lie in files of their own, written once: sorting moves their keys only.
        options.set_enable_blob_files(true);
        options.set_min_blob_size(BLOB_BYTES_MIN);
        options.set_blob_compression_type(DBCompressionType::Lz4);
        options.set_enable_blob_gc(true);
        // Retention empties the oldest files whole, which are then deleted; only what holds many dead blocks among living ones is worth writing anew.
        options.set_blob_gc_age_cutoff(0.05);
        options.set_blob_gc_force_threshold(0.5);
    }
    if name == STATE_FAMILY {
        options.set_write_buffer_size(STATE_BUFFER_BYTES);
        options.set_level_zero_file_num_compaction_trigger(STATE_FILES_MERGED);
        options.set_memtable_prefix_bloom_ratio(STATE_BUFFER_BLOOM);
        options.set_memtable_whole_key_filtering(true);
        // What is written there is read back and written again soon: packing it costs more than its room.
        let mut levels = [DBCompressionType::Lz4; STATE_LEVELS];
        levels[..STATE_LEVELS_PLAIN].fill(DBCompressionType::None);
        options.set_compression_per_level(&levels);
    } else {
        options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    }
    options
}
