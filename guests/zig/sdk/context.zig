//! What an operator may ask for during a call. It performs nothing itself: what it emits, rejects, sets or writes takes effect when the host commits,
//! together with the input's position.
const std = @import("std");
const Allocator = std.mem.Allocator;
const Call = @import("call.zig").Call;
const Entry = @import("state.zig").Entry;
const Headers = @import("headers.zig").Headers;
const Scan = @import("state.zig").Scan;
const host = @import("host.zig");
const json = @import("json.zig");
const layout = @import("layout.zig");
const operator = @import("operator.zig");
const text = @import("text.zig");

/// The times of a call, the same for all its rows.
pub const Times = struct {
    /// ms since 1970 UTC: no earlier record is expected. `null`: not known yet. The largest number: the input has ended.
    watermark: ?i64 = null,
    /// Processing time, ms since 1970 UTC.
    now: i64 = 0,
    /// Number of the task, which is the partition number of its inputs.
    task: u32 = 0,
};

/// The context of an operator's calls. Ports and stores are those of its declaration: `.late`, `.counts`.
pub fn Context(comptime Operator: type) type {
    return struct {
        /// Memory until the call returns: the next call has it again.
        allocator: Allocator,
        times: Times,
        call: *Call,
        /// Whether the keys of the rows have been read.
        has_keys: bool,

        const Self = @This();
        pub const Port = operator.PortOf(Operator);
        const declaration = operator.declarationOf(Operator);

        // ---- Outputs

        /// A record to emit. What is left out is null, the first port, the input row's time, the key's partition.
        pub const Out = struct {
            key: ?[]const u8 = null,
            value: ?[]const u8 = null,
            headers: Headers = .empty,
            port: Port = @fromBackingInt(@intCast(0)),
            timestamp: ?i64 = null,
            partition: ?u32 = null,
        };

        pub inline fn emit(context: *Self, out: Out) void {
            context.call.outputs.push(out.key, out.value, out.headers.bytes, .{
                .port = context.call.ports[@backingInt(out.port)],
                .timestamp = out.timestamp orelse layout.inherit,
                .offset = context.call.row,
                .partition = out.partition orelse layout.none,
            });
        }

        /// The record as it is.
        pub inline fn forward(context: *Self, record: layout.Record) void {
            context.forwardTo(record, @fromBackingInt(@intCast(0)));
        }

        pub inline fn forwardTo(context: *Self, record: layout.Record, port: Port) void {
            context.emit(.{ .key = record.key, .value = record.value, .headers = record.headers, .port = port });
        }

        /// All records of the call as they are, at once: index and bytes go on without being copied.
        pub fn forwardAll(context: *Self) void {
            const call = context.call;
            if (call.outputs.rows > 0 or call.outputs.lent != null) return call.outputs.pushAll(call.input, call.ports[0]);
            call.outputs.lend(call.rows, call.input.arena, call.ports[0]);
        }

        /// In `processBatch`: what follows is for that record. In `process` the SDK has turned already.
        pub inline fn turnTo(context: *Self, record: layout.Record) void {
            if (record.row >= context.call.input.index.len) layout.noSuchRow(record.row, context.call.input.index.len);
            context.call.row = record.row;
        }

        // ---- How a record, or the call, ends early

        /// Refuses the record: `return context.reject(7, "no such airport: {s}", .{name})`. It goes where the job sends rejects, the others go on.
        pub fn reject(context: *Self, code: u16, comptime format_text: []const u8, arguments: anytype) error{Reject} {
            return context.call.refuse(code, context.format(format_text, arguments));
        }

        /// In `processBatch`: refuses the record that was turned to, or counts the error that handling it came to as `process` would.
        pub fn settle(context: *Self, failure: anyerror) error{ Retry, Fatal }!void {
            return context.call.settle(failure);
        }

        /// Nothing of the call is kept; the same batch comes again later.
        pub fn retry(context: *Self, comptime format_text: []const u8, arguments: anytype) error{Retry} {
            context.call.message = context.format(format_text, arguments);
            return error.Retry;
        }

        /// The job stops and shows the message.
        pub fn fatal(context: *Self, comptime format_text: []const u8, arguments: anytype) error{Fatal} {
            context.call.message = context.format(format_text, arguments);
            return error.Fatal;
        }

        // ---- What a record must have

        pub inline fn needKey(context: *Self, record: layout.Record) error{Reject}![]const u8 {
            return record.key orelse context.call.refuse(operator.code.no_key, "the record has no key");
        }

        pub inline fn needTime(context: *Self, record: layout.Record) error{Reject}!i64 {
            return record.timestamp orelse context.call.refuse(operator.code.no_time, "the record has no timestamp");
        }

        /// The value, which must be UTF-8.
        pub inline fn needText(context: *Self, record: layout.Record) error{Reject}![]const u8 {
            const value = record.value orelse return context.call.refuse(operator.code.bad_text, "the value is null");
            return if (text.isText(value)) value else context.call.refuse(operator.code.bad_text, "the value is not UTF-8");
        }

        /// Fields of the value, which must be a JSON object: as they stand in it, null where there is none. Goes over it once and makes no tree.
        pub fn needFields(context: *Self, record: layout.Record, names: []const []const u8, raws: []?[]const u8) error{Reject}!void {
            const value = try context.needText(record);
            var problem: json.Problem = .{};
            json.find(context.allocator, value, names, raws, &problem) catch return context.badJson("{f}", .{problem});
        }

        /// Refuses a record for what is wrong with its JSON.
        pub fn badJson(context: *Self, comptime format_text: []const u8, arguments: anytype) error{Reject} {
            return context.reject(operator.code.bad_json, "the value: " ++ format_text, arguments);
        }

        // ---- State

        /// The row's own key in a store: `const counted = try context.state(.counts);`. A record without a key is rejected.
        pub inline fn state(context: *Self, comptime store: @EnumLiteral()) error{Reject}!EntryOf(store) {
            const call = context.call;
            if (call.row >= call.input.index.len) layout.noSuchRow(call.row, call.input.index.len);
            const row = &call.input.index[call.row];
            if (row.flags & layout.Flags.key_is_null != 0) return call.refuse(operator.code.no_key, "the record has no key");
            const cache = &call.caches[comptime placeOf(store)];
            if (context.has_keys) return .{ .call = call, .cache = cache, .number = cache.ofRow(row, call.row) };
            return context.stateOf(store, call.input.key(call.row).?);
        }

        /// Any key in a store. One that was not read ahead costs a call to the host.
        pub fn stateOf(context: *Self, comptime store: @EnumLiteral(), key: []const u8) EntryOf(store) {
            const place = comptime placeOf(store);
            const cache = &context.call.caches[place];
            const number = cache.want(context.call, key, .is_copied);
            if (cache.read < cache.used) context.call.fetch(context.call.caches[place..][0..1]);
            return .{ .call = context.call, .cache = cache, .number = number };
        }

        pub fn EntryOf(comptime store: @EnumLiteral()) type {
            return Entry(declaration.stores[placeOf(store)].Value, declaration.stores[placeOf(store)].name);
        }

        fn placeOf(comptime store: @EnumLiteral()) comptime_int {
            return operator.placeOf(Operator, @tagName(store));
        }

        /// Goes through a range of a store's keys in ascending order; it sees what this call has set.
        pub fn scan(context: *Self, comptime store: @EnumLiteral(), range: struct { begin: []const u8 = "", end: []const u8 = "" }) ScanOf(store) {
            context.call.save();
            const number = context.call.caches[comptime placeOf(store)].store;
            return .{ .call = context.call, .range = .{ .store = number, .begin = range.begin, .end = range.end } };
        }

        pub fn ScanOf(comptime store: @EnumLiteral()) type {
            return Scan(declaration.stores[placeOf(store)].Value, declaration.stores[placeOf(store)].name);
        }

        // ---- Timers

        /// Sets a timer; it comes back to `onTimer`.
        pub fn setTimer(context: *Self, timer: operator.Timer) void {
            context.pushTimer(timer, @backingInt(timer.clock));
        }

        pub fn deleteTimer(context: *Self, timer: operator.Timer) void {
            context.pushTimer(timer, @backingInt(timer.clock) + 2);
        }

        inline fn pushTimer(context: *Self, timer: operator.Timer, port: u16) void {
            context.call.timers.push(timer.key, timer.payload, "", .{ .port = port, .timestamp = timer.at, .offset = context.call.row });
        }

        // ---- Migration, logs, counters, text

        /// In `migrate`: a row to keep.
        pub fn keep(context: *Self, key: []const u8, value: []const u8) void {
            context.call.kept.push(key, value, "", .{});
        }

        pub fn log(context: *Self, level: host.Level, comptime format_text: []const u8, arguments: anytype) void {
            host.log(level, context.format(format_text, arguments));
        }

        /// Adds to a counter: at most 64 names per operator.
        pub fn count(_: *Self, name: []const u8, delta: u64) void {
            host.count(name, delta);
        }

        /// Text until the call returns.
        pub fn format(context: *Self, comptime format_text: []const u8, arguments: anytype) []const u8 {
            if (@typeInfo(@TypeOf(arguments)).@"struct".field_names.len == 0) return std.fmt.comptimePrint(format_text, .{});
            return context.call.format(format_text, arguments);
        }

        /// A number's digits, without the machinery of `format`.
        pub inline fn digits(context: *Self, number: u64) []const u8 {
            return text.digits(number, context.call.scratch.bytes(text.digits_max)[0..text.digits_max]);
        }
    };
}
