//! The host's side of a test: state and timers in sorted lists, counters, logs, and the calls counted. Nothing is freed before the end: a test is short.
const std = @import("std");
const Allocator = std.mem.Allocator;
const host = @import("../host.zig");
const layout = @import("../layout.zig");
const operator = @import("../operator.zig");
const rules = @import("rules.zig");

/// The memory of the harness that is in a call.
threadlocal var entered: ?*Memory = null;

pub fn enter(memory: *Memory) void {
    entered = memory;
}

pub fn leave() void {
    entered = null;
}

pub const Memory = struct {
    kept: std.heap.ArenaAllocator,
    /// Sorted by store and key.
    state: std.ArrayList(Pair) = .empty,
    /// Sorted by time, key and payload.
    timers: std.ArrayList(operator.Timer) = .empty,
    counters: std.StringHashMapUnmanaged(u64) = .empty,
    logs: std.ArrayList(Line) = .empty,
    /// How often the operator called.
    gets: usize = 0,
    puts: usize = 0,
    scans: usize = 0,
    /// State may be read.
    is_in_call: bool = false,

    pub const Pair = struct { store: u32, key: []const u8, value: []const u8 };
    pub const Line = struct { level: host.Level, message: []const u8 };

    pub fn init() Memory {
        return .{ .kept = .init(std.heap.page_allocator) };
    }

    pub fn deinit(memory: *Memory) void {
        memory.kept.deinit();
        memory.* = undefined;
    }

    pub fn arena(memory: *Memory) Allocator {
        return memory.kept.allocator();
    }

    pub fn current() *Memory {
        return entered orelse @panic("no operator is in a call");
    }

    /// Forgets state, timers and counters.
    pub fn forget(memory: *Memory) void {
        memory.* = .{ .kept = memory.kept };
    }

    // ---- What operators call

    pub fn log(memory: *Memory, level: host.Level, message: []const u8) void {
        memory.logs.append(memory.arena(), .{ .level = level, .message = memory.copy(message) }) catch oom();
    }

    pub fn count(memory: *Memory, name: []const u8, delta: u64) void {
        const counter = memory.counters.getOrPutValue(memory.arena(), memory.copy(name), 0) catch oom();
        counter.value_ptr.* += delta;
    }

    pub fn getMany(memory: *Memory, keys: layout.Batch) layout.Batch {
        memory.gets += 1;
        memory.check(keys);
        var found: layout.Builder = .{ .gpa = memory.arena() };
        for (keys.index, 0..) |row, n| {
            const key = keys.key(n).?;
            found.push(key, memory.find(row.port, key), "", .{ .port = row.port });
        }
        return found.built();
    }

    pub fn putMany(memory: *Memory, rows: layout.Batch) void {
        memory.puts += 1;
        memory.check(rows);
        var all = rows.iterate();
        while (all.next()) |row| memory.put(row.port, row.key.?, row.value);
    }

    /// A page of a test has two rows, so that paging is met.
    pub fn scan(memory: *Memory, range: host.Range) host.Page {
        memory.scans += 1;
        if (!memory.is_in_call) @panic("state may be read inside a call only");
        const most: usize = if (range.limit == 1) 1 else 2;
        var found: layout.Builder = .{ .gpa = memory.arena() };
        for (memory.state.items[memory.placeOf(range.store, range.begin)..]) |pair| {
            if (pair.store != range.store) break;
            if (range.end.len > 0 and std.mem.order(u8, pair.key, range.end) != .lt) break;
            if (found.rows == most) return .{ .rows = found.built(), .done = false };
            found.push(pair.key, pair.value, "", .{ .port = @intCast(range.store) });
        }
        return .{ .rows = found.built(), .done = true };
    }

    /// What is sent keeps the rules, and state is asked for by key only.
    fn check(memory: *const Memory, batch: layout.Batch) void {
        if (!memory.is_in_call) @panic("state may be read and written inside a call only");
        if (rules.brokenRule(std.mem.sliceAsBytes(batch.index), batch.arena)) |rule| std.debug.panic("a batch of state breaks a rule: {s}", .{rule});
        for (batch.index) |row| if (row.flags & layout.Flags.key_is_null != 0) @panic("a key of state is null");
    }

    // ---- State

    pub fn find(memory: *const Memory, store: u32, key: []const u8) ?[]const u8 {
        const place = memory.placeOf(store, key);
        if (place == memory.state.items.len) return null;
        const pair = memory.state.items[place];
        return if (pair.store == store and std.mem.eql(u8, pair.key, key)) pair.value else null;
    }

    fn put(memory: *Memory, store: u32, key: []const u8, value: ?[]const u8) void {
        const place = memory.placeOf(store, key);
        const is_there = memory.find(store, key) != null;
        const new = value orelse {
            if (is_there) _ = memory.state.orderedRemove(place);
            return;
        };
        if (is_there) {
            memory.state.items[place].value = memory.copy(new);
            return;
        }
        memory.state.insert(memory.arena(), place, .{ .store = store, .key = memory.copy(key), .value = memory.copy(new) }) catch oom();
    }

    /// Where a key is, or would be.
    fn placeOf(memory: *const Memory, store: u32, key: []const u8) usize {
        var low: usize = 0;
        var high = memory.state.items.len;
        while (low < high) {
            const middle = (low + high) / 2;
            const pair = memory.state.items[middle];
            const is_before = pair.store < store or (pair.store == store and std.mem.order(u8, pair.key, key) == .lt);
            if (is_before) low = middle + 1 else high = middle;
        }
        return low;
    }

    pub fn copyOfState(memory: *Memory) std.ArrayList(Pair) {
        return memory.state.clone(memory.arena()) catch oom();
    }

    // ---- Timers

    pub fn copyOfTimers(memory: *Memory) std.ArrayList(operator.Timer) {
        return memory.timers.clone(memory.arena()) catch oom();
    }

    /// Takes the first timer that is due.
    pub fn takeDue(memory: *Memory, clock: operator.Clock, until: i64) ?operator.Timer {
        for (memory.timers.items, 0..) |timer, n| {
            if (timer.clock == clock and timer.at <= until) return memory.timers.orderedRemove(n);
        }
        return null;
    }

    pub fn setTimer(memory: *Memory, timer: operator.Timer) void {
        if (memory.same(timer) != null) return;
        var place: usize = 0;
        while (place < memory.timers.items.len and order(memory.timers.items[place], timer) != .gt) place += 1;
        var own = timer;
        if (timer.key) |key| own.key = memory.copy(key);
        own.payload = memory.copy(timer.payload);
        memory.timers.insert(memory.arena(), place, own) catch oom();
    }

    pub fn deleteTimer(memory: *Memory, timer: operator.Timer) void {
        if (memory.same(timer)) |place| _ = memory.timers.orderedRemove(place);
    }

    fn same(memory: *const Memory, timer: operator.Timer) ?usize {
        for (memory.timers.items, 0..) |other, n| {
            const is_same = other.clock == timer.clock and (other.key == null) == (timer.key == null) and order(other, timer) == .eq;
            if (is_same) return n;
        }
        return null;
    }

    fn order(a: operator.Timer, b: operator.Timer) std.math.Order {
        if (a.at != b.at) return std.math.order(a.at, b.at);
        const by_key = std.mem.order(u8, a.key orelse "", b.key orelse "");
        return if (by_key != .eq) by_key else std.mem.order(u8, a.payload, b.payload);
    }

    fn copy(memory: *Memory, bytes: []const u8) []const u8 {
        return memory.arena().dupe(u8, bytes) catch oom();
    }

    fn oom() noreturn {
        @panic("out of memory");
    }
};
