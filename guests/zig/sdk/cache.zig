//! One store's values for the keys of a call: read once, changed in place, written once. Lies in the call's scratch memory.
const std = @import("std");
const Call = @import("call.zig").Call;
const layout = @import("layout.zig");

/// One key's value.
pub const Slot = struct {
    key: []const u8,
    value: ?[]u8 = null,
    /// Bytes there are where the value lies.
    room: usize = 0,
    is_written: bool = false,
};

pub const Cache = struct {
    /// The host's number of the store.
    store: u16,
    slots: []Slot = &.{},
    used: usize = 0,
    /// The slots before it have been read.
    read: usize = 0,
    is_written: bool = false,
    /// Where a row's key is; none where the host's number of the key says it.
    of_row: ?[]u32 = null,
    /// Open hash table of slot numbers, at most half full; made when a key is looked for.
    table: []u32 = &.{},

    const no_slot = layout.none;

    pub fn clear(cache: *Cache) void {
        cache.* = .{ .store = cache.store };
    }

    pub fn unread(cache: *Cache) []Slot {
        return cache.slots[cache.read..cache.used];
    }

    // ---- The records' own keys

    /// Whether the host's numbers of keys can be used as they are: each is one seen before, or the next. In part of a larger batch they may not be.
    fn numbered(input: layout.Batch) ?u32 {
        var next: u32 = 0;
        for (input.index) |*row| {
            if (row.flags & layout.Flags.key_is_null != 0) continue;
            if (row.key_id > next) return null;
            if (row.key_id == next) next += 1;
        }
        return next;
    }

    /// A slot for each key of the batch, not read yet.
    pub fn takeKeys(cache: *Cache, call: *Call) void {
        const input = call.input;
        if (numbered(input)) |distinct| {
            cache.slots = call.scratch.list(Slot, distinct);
            for (input.index, 0..) |*row, n| {
                if (row.key_id != cache.used) continue;
                cache.slots[cache.used] = .{ .key = input.key(n) orelse continue };
                cache.used += 1;
            }
            return;
        }
        const of_row = call.scratch.list(u32, input.index.len);
        cache.slots = call.scratch.list(Slot, input.index.len);
        cache.makeTable(call, input.index.len);
        for (of_row, 0..) |*slot, n| slot.* = if (input.key(n)) |key| cache.want(call, key, .lives_on) else no_slot;
        cache.of_row = of_row;
    }

    /// The same keys as another store's.
    pub fn takeKeysOf(cache: *Cache, call: *Call, other: *const Cache) void {
        cache.slots = call.scratch.list(Slot, other.used);
        for (cache.slots, other.slots[0..other.used]) |*slot, from| slot.* = .{ .key = from.key };
        cache.used = other.used;
        cache.of_row = other.of_row;
    }

    /// The slot of a row's key, which has been taken.
    pub inline fn ofRow(cache: *const Cache, row: *const layout.Row, number: u32) u32 {
        return if (cache.of_row) |of_row| of_row[number] else row.key_id;
    }

    // ---- Other keys

    /// Whether the bytes of a key live until the call returns, or must be copied.
    pub const Life = enum { lives_on, is_copied };

    /// The slot of a key; a new one has not been read yet.
    pub fn want(cache: *Cache, call: *Call, key: []const u8, life: Life) u32 {
        if (cache.table.len < 2 * (cache.used + 1)) cache.makeTable(call, @max(2 * cache.used, 32));
        const cell = cache.cellOf(key);
        if (cell.* != no_slot) return cell.*;
        if (cache.used == cache.slots.len) {
            const larger = call.scratch.list(Slot, @max(2 * cache.slots.len, 32));
            @memcpy(larger[0..cache.used], cache.slots[0..cache.used]);
            cache.slots = larger;
        }
        const number: u32 = @intCast(cache.used);
        cell.* = number;
        cache.slots[number] = .{ .key = if (life == .lives_on) key else call.scratch.copy(key) };
        cache.used += 1;
        return number;
    }

    fn makeTable(cache: *Cache, call: *Call, slots: usize) void {
        const cells = std.math.ceilPowerOfTwo(usize, 2 * (slots + 1)) catch @import("memory.zig").outOfMemory();
        cache.table = call.scratch.list(u32, cells);
        @memset(cache.table, no_slot);
        for (cache.slots[0..cache.used], 0..) |slot, n| cache.cellOf(slot.key).* = @intCast(n);
    }

    fn cellOf(cache: *const Cache, key: []const u8) *u32 {
        const mask = cache.table.len - 1;
        var at: usize = @as(usize, @truncate(std.hash.Wyhash.hash(0, key))) & mask;
        while (cache.table[at] != no_slot and !std.mem.eql(u8, cache.slots[cache.table[at]].key, key)) at = (at + 1) & mask;
        return &cache.table[at];
    }

    // ---- Values

    /// Room for a new value of that length; what was there may lie in the same place.
    pub inline fn roomFor(cache: *Cache, call: *Call, number: u32, len: usize) []u8 {
        const slot = &cache.slots[number];
        slot.is_written = true;
        cache.is_written = true;
        if (slot.value == null or slot.room < len) newRoom(call, slot, len);
        slot.value = slot.value.?.ptr[0..len];
        return slot.value.?;
    }

    noinline fn newRoom(call: *Call, slot: *Slot, len: usize) void {
        // Twice as much as before, for values that grow piece by piece.
        slot.room = @max(len, 2 *| slot.room);
        slot.value = call.scratch.bytes(slot.room);
    }

    pub fn delete(cache: *Cache, number: u32) void {
        const slot = &cache.slots[number];
        slot.is_written = true;
        cache.is_written = true;
        slot.value = null;
    }
};
