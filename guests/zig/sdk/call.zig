//! One call: its memory, what it asks for so far, and the state of the batch's keys. Knows nothing of the operator's type; `context.zig` puts that on top.
const std = @import("std");
const Allocator = std.mem.Allocator;
const Cache = @import("cache.zig").Cache;
const host = @import("host.zig");
const layout = @import("layout.zig");
const memory = @import("memory.zig");
const operator = @import("operator.zig");

pub const Call = struct {
    gpa: Allocator,
    scratch: memory.Scratch,
    outputs: layout.Builder,
    timers: layout.Builder,
    kept: layout.Builder,
    rejects: []operator.Reject = &.{},
    rejects_n: usize = 0,
    /// What the call says as it fails.
    message: []const u8 = "",
    /// The records, or the due timers, that the call is for; `rows` is the same index, to be changed once nobody looks any more.
    input: layout.Batch = .empty,
    rows: []layout.Row = &.{},
    /// The row that outputs, timers and rejects are of.
    row: u32 = 0,
    /// What the message of a refused record is, until it is counted as such.
    refusal: ?operator.Reject = null,
    /// The host's numbers of the declared outputs.
    ports: []u16 = &.{},
    /// One for each declared store.
    caches: []Cache = &.{},
    /// Keys to be read, and what is to be written, in one call for all stores.
    asked: layout.Builder,

    pub fn init(gpa: Allocator) Call {
        const builder: layout.Builder = .{ .gpa = gpa };
        return .{ .gpa = gpa, .scratch = .{ .gpa = gpa }, .outputs = builder, .timers = builder, .kept = builder, .asked = builder };
    }

    pub fn deinit(call: *Call) void {
        call.scratch.deinit();
        inline for (.{ "outputs", "timers", "kept", "asked" }) |name| @field(call, name).deinit();
        call.gpa.free(call.rejects);
        call.gpa.free(call.ports);
        call.gpa.free(call.caches);
        call.* = undefined;
    }

    /// Forgets what the call before asked for.
    pub fn begin(call: *Call, rows: []layout.Row, arena: []const u8) void {
        call.outputs.clear();
        call.timers.clear();
        call.kept.clear();
        call.rejects_n = 0;
        call.message = "";
        call.refusal = null;
        call.row = 0;
        call.rows = rows;
        call.input = .{ .index = rows, .arena = arena };
        for (call.caches) |*cache| cache.clear();
    }

    /// Takes back the memory that the call was given.
    pub fn end(call: *Call) void {
        call.scratch.reset();
    }

    pub fn format(call: *Call, comptime text: []const u8, arguments: anytype) []const u8 {
        return std.fmt.allocPrint(call.scratch.allocator(), text, arguments) catch memory.outOfMemory();
    }

    // ---- Rejects and failures

    pub fn refuse(call: *Call, code: u16, message: []const u8) error{Reject} {
        call.refusal = .{ .row = call.row, .code = code, .message = message };
        return error.Reject;
    }

    pub fn addReject(call: *Call, reject: operator.Reject) void {
        memory.grow(operator.Reject, call.gpa, &call.rejects, call.rejects_n, 1);
        call.rejects[call.rejects_n] = reject;
        call.rejects_n += 1;
    }

    /// What an error of one record comes to: a reject, or the failure of the whole call.
    pub fn settle(call: *Call, failure: anyerror) error{ Retry, Fatal }!void {
        @branchHint(.unlikely);
        const refusal = call.refusal;
        call.refusal = null;
        switch (failure) {
            error.Retry => return error.Retry,
            error.Fatal => return error.Fatal,
            error.OutOfMemory => memory.outOfMemory(),
            error.Reject => if (refusal) |reject| return call.addReject(reject),
            else => {},
        }
        call.addReject(.{ .row = call.row, .code = operator.code.unspecified, .message = @errorName(failure) });
    }

    /// What an error of a whole call comes to.
    pub fn failed(call: *Call, failure: anyerror) error{ Retry, Fatal } {
        switch (failure) {
            error.Retry => return error.Retry,
            error.Fatal => return error.Fatal,
            error.OutOfMemory => memory.outOfMemory(),
            error.Reject => call.message = if (call.refusal) |refusal| refusal.message else @errorName(failure),
            else => call.message = @errorName(failure),
        }
        return error.Fatal;
    }

    // ---- State

    /// Entries for the keys of all rows in all stores, read in one call.
    pub fn loadKeys(call: *Call) void {
        for (call.caches, 0..) |*cache, n| if (n == 0) cache.takeKeys(call) else cache.takeKeysOf(call, &call.caches[0]);
        call.fetch(call.caches);
    }

    /// Reads what has been wanted and not been read yet.
    pub fn fetch(call: *Call, caches: []Cache) void {
        call.asked.clear();
        for (caches) |*cache| {
            const fields: layout.Row = .{ .port = cache.store };
            for (cache.unread()) |*slot| call.asked.push(slot.key, null, "", fields);
        }
        if (call.asked.rows == 0) return;
        const found = host.getMany(call.asked.built());
        if (found.index.len != call.asked.rows) @panic("the host answers with another number of rows than it was asked for");
        var row: usize = 0;
        for (caches) |*cache| {
            for (cache.unread()) |*slot| {
                const r = &found.index[row];
                row += 1;
                if (r.flags & layout.Flags.value_is_null != 0) continue;
                slot.value = @constCast(found.arena[r.key_end..r.value_end]);
                // What the host handed over is this call's own, so a value of the same length goes where the old one was.
                slot.room = slot.value.?.len;
            }
            cache.read = cache.used;
        }
    }

    /// Writes what was set, in one call.
    pub fn save(call: *Call) void {
        call.asked.clear();
        for (call.caches) |*cache| {
            if (!cache.is_written) continue;
            cache.is_written = false;
            const fields: layout.Row = .{ .port = cache.store };
            for (cache.slots[0..cache.used]) |*slot| {
                if (!slot.is_written) continue;
                slot.is_written = false;
                call.asked.push(slot.key, slot.value, "", fields);
            }
        }
        if (call.asked.rows > 0) host.putMany(call.asked.built());
    }
};
