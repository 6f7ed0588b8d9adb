//! Runs an operator on the machine itself, without Wasm and without a host: hand over records, move time, look at what came out.
//!
//!     test "values are written in capitals" {
//!         var op: ms.testing.Harness(Operator) = .init();
//!         defer op.deinit();
//!         try op.open("");
//!         try op.feed(&.{.{ .key = "k", .value = "mill" }});
//!         try op.expectOutput(0, "k", "MILL");
//!     }
//!
//! What comes out is checked as the host checks it. State and timers last from call to call, `reopen` gives them to a fresh instance; of a call that fails
//! nothing is kept, and `message` has what it said.
const std = @import("std");
const Headers = @import("headers.zig").Headers;
const Instance = @import("instance.zig").Instance;
const layout = @import("layout.zig");
const memory = @import("testing/memory.zig");
const operator = @import("operator.zig");
const rules = @import("testing/rules.zig");

pub const brokenRule = rules.brokenRule;
pub const Memory = memory.Memory;
/// For tests that call an instance without a harness: whose memory the calls to the host go to.
pub const enter = memory.enter;
pub const leave = memory.leave;

/// A record to hand over.
pub const Input = struct {
    key: ?[]const u8 = null,
    value: ?[]const u8 = null,
    headers: Headers = .empty,
    timestamp: ?i64 = null,
    /// Place in the declared inputs.
    port: u16 = 0,
    partition: u32 = 0,
};

/// A record that came out.
pub const Output = struct {
    key: ?[]const u8,
    value: ?[]const u8,
    headers: Headers,
    /// Place in the declared outputs.
    port: u16,
    /// `null`: that of the input row.
    timestamp: ?i64,
    /// `null`: the key's.
    partition: ?u32,
    /// The row of its call that it was made from.
    row: u32,
};

pub const Failed = error{ Retry, Fatal, TestUnexpectedResult, TestExpectedEqual };

pub fn Harness(comptime Operator: type) type {
    return struct {
        host: memory.Memory,
        instance: ?*Instance(Operator) = null,
        times: @import("context.zig").Times = .{},
        /// What came out since `take`, in order.
        outputs: std.ArrayList(Output) = .empty,
        rejects: std.ArrayList(operator.Reject) = .empty,
        /// What the call before said as it failed.
        message: []const u8 = "",
        /// Whether the host numbers the batch's keys, as it does where it can.
        numbers_keys: bool = true,

        const Self = @This();
        const declaration = operator.declarationOf(Operator);

        pub fn init() Self {
            return .{ .host = .init() };
        }

        pub fn deinit(harness: *Self) void {
            if (harness.instance) |instance| instance.deinit();
            harness.host.deinit();
            harness.* = undefined;
        }

        /// Opens the operator anew with a config (JSON; empty: none). State and timers of before are gone.
        pub fn open(harness: *Self, config: []const u8) error{ Retry, Fatal }!void {
            harness.host.forget();
            harness.times = .{};
            harness.take();
            try harness.reopen(config);
        }

        /// The same with state and timers as they are, as the host does with an instance in another one's place.
        pub fn reopen(harness: *Self, config: []const u8) error{ Retry, Fatal }!void {
            if (harness.instance) |instance| instance.deinit();
            harness.instance = null;
            const arena = harness.host.arena();
            const instance = arena.create(Instance(Operator)) catch @panic("out of memory");
            instance.* = .init(std.heap.page_allocator);
            const stores = arena.alloc([]const u8, declaration.stores.len) catch @panic("out of memory");
            inline for (declaration.stores, stores) |store, *name| name.* = store.name;
            var setup: operator.Setup = .{
                .allocator = arena,
                .config = config,
                .inputs = texts(declaration.inputs),
                .outputs = texts(declaration.outputs),
                .stores = stores,
            };
            memory.enter(&harness.host);
            defer memory.leave();
            instance.open(&setup) catch |failure| {
                harness.message = setup.message orelse "";
                instance.deinit();
                return failure;
            };
            harness.instance = instance;
        }

        fn texts(comptime names: []const [:0]const u8) []const []const u8 {
            const list = comptime list: {
                var list: [names.len][]const u8 = undefined;
                for (names, &list) |name, *to| to.* = name;
                break :list list;
            };
            return &list;
        }

        // ---- Calls

        /// Hands a batch over.
        pub fn feed(harness: *Self, inputs: []const Input) Failed!void {
            var batch: layout.Builder = .{ .gpa = harness.host.arena() };
            var numbers: std.StringHashMapUnmanaged(u32) = .empty;
            for (inputs, 0..) |input, n| {
                var fields: layout.Row = .{
                    .port = input.port,
                    .timestamp = input.timestamp orelse layout.inherit,
                    .offset = @intCast(n),
                    .partition = input.partition,
                };
                if (harness.numbers_keys) if (input.key) |key| {
                    const next = numbers.count();
                    const number = numbers.getOrPutValue(harness.host.arena(), key, next) catch @panic("out of memory");
                    fields.key_id = number.value_ptr.*;
                };
                batch.push(input.key, input.value, input.headers.bytes, fields);
            }
            try harness.call(Instance(Operator).process, batch.built());
        }

        /// Moves the watermark, and fires what is due.
        pub fn advanceWatermark(harness: *Self, watermark: i64) Failed!void {
            harness.times.watermark = watermark;
            try harness.fire(.event, watermark);
        }

        /// Moves the clock, and fires what is due.
        pub fn advanceNow(harness: *Self, now: i64) Failed!void {
            harness.times.now = now;
            try harness.fire(.processing, now);
        }

        /// Fires what is due, and what is set meanwhile and due as well.
        fn fire(harness: *Self, clock: operator.Clock, until: i64) Failed!void {
            while (true) {
                const before = harness.host.copyOfTimers();
                var due: layout.Builder = .{ .gpa = harness.host.arena() };
                while (harness.host.takeDue(clock, until)) |timer|
                    due.push(timer.key, timer.payload, "", .{ .port = @backingInt(clock), .timestamp = timer.at });
                if (due.rows == 0) return;
                errdefer harness.host.timers = before;
                try harness.call(Instance(Operator).onTimer, due.built());
            }
        }

        /// Hands over rows of a store of an older version. Those to keep come out as output.
        pub fn migrate(harness: *Self, store: []const u8, from_version: u32, rows: []const Input) Failed!void {
            var batch: layout.Builder = .{ .gpa = harness.host.arena() };
            for (rows) |row| batch.push(row.key, row.value, "", .{});
            const instance = harness.instance.?;
            memory.enter(&harness.host);
            defer memory.leave();
            defer instance.call.end();
            const built = harness.copyOf(batch.built());
            instance.migrate(store, from_version, built.rows, built.arena) catch |failure| return harness.failed(failure);
            try harness.keepOutputs(&instance.call.kept, rows.len, null);
        }

        /// Calls the operator with a batch, and keeps all or nothing of what it asks for.
        fn call(harness: *Self, comptime handler: anytype, batch: layout.Batch) Failed!void {
            const instance = harness.instance orelse @panic("open the operator first");
            const before = harness.host.copyOfState();
            const input = harness.copyOf(batch);
            memory.enter(&harness.host);
            defer memory.leave();
            defer instance.call.end();
            harness.host.is_in_call = true;
            defer harness.host.is_in_call = false;
            errdefer harness.host.state = before;
            handler(instance, harness.times, input.rows, input.arena) catch |failure| return harness.failed(failure);
            const rows = batch.index.len;
            try harness.keepOutputs(&instance.call.outputs, rows, declaration.outputs.len);
            try harness.keepTimers(&instance.call.timers, rows);
            for (instance.call.rejects[0..instance.call.rejects_n]) |reject| {
                try std.testing.expect(reject.row < rows);
                const message = harness.host.arena().dupe(u8, reject.message) catch @panic("out of memory");
                harness.rejects.append(harness.host.arena(), .{ .row = reject.row, .code = reject.code, .message = message }) catch @panic("out of memory");
            }
        }

        fn failed(harness: *Self, failure: error{ Retry, Fatal }) error{ Retry, Fatal } {
            harness.message = harness.host.arena().dupe(u8, harness.instance.?.call.message) catch @panic("out of memory");
            return failure;
        }

        fn copyOf(harness: *Self, batch: layout.Batch) struct { rows: []layout.Row, arena: []const u8 } {
            const arena = harness.host.arena();
            return .{
                .rows = arena.dupe(layout.Row, batch.index) catch @panic("out of memory"),
                .arena = arena.dupe(u8, batch.arena) catch @panic("out of memory"),
            };
        }

        /// A copy of what a call sent, which keeps all rules.
        fn sent(harness: *Self, builder: *layout.Builder) Failed!layout.Batch {
            const copy = harness.copyOf(builder.built());
            const batch: layout.Batch = .{ .index = copy.rows, .arena = copy.arena };
            try std.testing.expectEqual(null, rules.brokenRule(std.mem.sliceAsBytes(batch.index), batch.arena));
            return batch;
        }

        fn keepOutputs(harness: *Self, builder: *layout.Builder, rows: usize, ports: ?usize) Failed!void {
            var all = (try harness.sent(builder)).iterate();
            while (all.next()) |record| {
                if (ports) |ports_n| try std.testing.expect(record.port < ports_n and record.offset >= 0 and record.offset < rows);
                harness.outputs.append(harness.host.arena(), .{
                    .key = record.key,
                    .value = record.value,
                    .headers = record.headers,
                    .port = record.port,
                    .timestamp = record.timestamp,
                    .partition = if (record.partition == layout.none) null else record.partition,
                    .row = @intCast(record.offset),
                }) catch @panic("out of memory");
            }
        }

        fn keepTimers(harness: *Self, builder: *layout.Builder, rows: usize) Failed!void {
            var all = (try harness.sent(builder)).iterate();
            while (all.next()) |record| {
                try std.testing.expect(record.port < 4 and record.offset >= 0 and record.offset < rows);
                const timer: operator.Timer = .{
                    .clock = @fromBackingInt(@intCast(record.port % 2)),
                    .at = record.timestamp orelse layout.inherit,
                    .key = record.key,
                    .payload = record.value orelse "",
                };
                if (record.port < 2) harness.host.setTimer(timer) else harness.host.deleteTimer(timer);
            }
        }

        // ---- What came out

        /// Forgets outputs and rejects.
        pub fn take(harness: *Self) void {
            harness.outputs = .empty;
            harness.rejects = .empty;
        }

        pub fn expectOutput(harness: *const Self, number: usize, key: ?[]const u8, value: ?[]const u8) !void {
            if (number >= harness.outputs.items.len) {
                std.debug.print("there are {d} outputs, none has number {d}\n", .{ harness.outputs.items.len, number });
                return error.TestUnexpectedResult;
            }
            try std.testing.expectEqualDeep(key, harness.outputs.items[number].key);
            try std.testing.expectEqualDeep(value, harness.outputs.items[number].value);
        }

        pub fn expectReject(harness: *const Self, number: usize, row: u32, reject_code: u16) !void {
            try std.testing.expect(number < harness.rejects.items.len);
            try std.testing.expectEqual(row, harness.rejects.items[number].row);
            try std.testing.expectEqual(reject_code, harness.rejects.items[number].code);
        }

        /// The stored bytes of a key; `null`: there are none.
        pub fn state(harness: *const Self, comptime store: @EnumLiteral(), key: []const u8) ?[]const u8 {
            return harness.host.find(comptime operator.placeOf(Operator, @tagName(store)), key);
        }
    };
}
