//! One opened operator with what it needs between calls. The component and the native harness run the same.
const std = @import("std");
const Allocator = std.mem.Allocator;
const Cache = @import("cache.zig").Cache;
const Call = @import("call.zig").Call;
const Context = @import("context.zig").Context;
const Keys = @import("keys.zig").Keys;
const Times = @import("context.zig").Times;
const config = @import("config.zig");
const layout = @import("layout.zig");
const operator = @import("operator.zig");

pub fn Instance(comptime Operator: type) type {
    return struct {
        call: Call,
        opened: Operator = undefined,

        const Self = @This();
        const declaration = operator.declarationOf(Operator);
        const has_stores = declaration.stores.len > 0;

        pub fn init(gpa: Allocator) Self {
            return .{ .call = .init(gpa) };
        }

        pub fn deinit(instance: *Self) void {
            instance.call.deinit();
        }

        /// Finds the declared ports and stores among those the job gives, reads the config, and opens the operator.
        pub fn open(instance: *Self, setup: *operator.Setup) error{ Retry, Fatal }!void {
            const call = &instance.call;
            call.begin(&.{}, "");
            call.ports = call.gpa.alloc(u16, declaration.outputs.len) catch @import("memory.zig").outOfMemory();
            call.caches = call.gpa.alloc(Cache, declaration.stores.len) catch @import("memory.zig").outOfMemory();
            inline for (declaration.outputs, 0..) |name, n| call.ports[n] = try place(setup, "output port", name, setup.outputs);
            inline for (declaration.stores, 0..) |store, n| call.caches[n] = .{ .store = try place(setup, "store", store.name, setup.stores) };
            const Config = operator.ConfigOf(Operator);
            const read = try config.read(Config, setup);
            if (!@hasDecl(Operator, "open")) {
                instance.opened = .{};
                return;
            }
            instance.opened = Operator.open(read, setup) catch |failure| switch (@as(anyerror, failure)) {
                error.Fatal => return error.Fatal,
                error.Retry => return error.Retry,
                error.OutOfMemory => @import("memory.zig").outOfMemory(),
                else => return setup.fatal("{s}", .{@errorName(failure)}),
            };
        }

        fn place(setup: *operator.Setup, what: []const u8, name: []const u8, given: []const []const u8) error{Fatal}!u16 {
            for (given, 0..) |other, n| if (std.mem.eql(u8, name, other)) return @intCast(n);
            return setup.fatal("the job gives this operator no {s} `{s}`", .{ what, name });
        }

        pub fn process(instance: *Self, times: Times, rows: []layout.Row, arena: []const u8) error{ Retry, Fatal }!void {
            var context = instance.begin(times, rows, arena, "prefetch");
            if (@hasDecl(Operator, "processBatch")) {
                try instance.whole(Operator.processBatch(&instance.opened, instance.call.input, &context));
            } else for (0..rows.len) |row| {
                instance.call.row = @intCast(row);
                try instance.one(Operator.process(&instance.opened, instance.call.input.read(row), &context));
            }
            if (has_stores) instance.call.save();
        }

        pub fn onTimer(instance: *Self, times: Times, rows: []layout.Row, arena: []const u8) error{ Retry, Fatal }!void {
            var context = instance.begin(times, rows, arena, "prefetchTimer");
            if (@hasDecl(Operator, "onTimerBatch")) {
                try instance.whole(Operator.onTimerBatch(&instance.opened, instance.call.input, &context));
            } else if (@hasDecl(Operator, "onTimer")) for (0..rows.len) |row| {
                instance.call.row = @intCast(row);
                try instance.one(Operator.onTimer(&instance.opened, timerOf(instance.call.input.read(row)), &context));
            };
            if (has_stores) instance.call.save();
        }

        /// A due timer of a row.
        pub fn timerOf(due: layout.Record) operator.Timer {
            return .{
                .clock = if (due.port == 0) .event else .processing,
                .at = due.timestamp orelse layout.inherit,
                .key = due.key,
                .payload = due.value orelse "",
                .row = due.row,
            };
        }

        pub fn migrate(instance: *Self, store: []const u8, from_version: u32, rows: []layout.Row, arena: []const u8) error{ Retry, Fatal }!void {
            const call = &instance.call;
            call.begin(rows, arena);
            var context: Context(Operator) = .{ .allocator = call.scratch.allocator(), .times = .{}, .call = call, .has_keys = false };
            if (!@hasDecl(Operator, "migrate")) return context.fatal("this operator does not know version {d} of its store `{s}`", .{ from_version, store });
            try instance.whole(Operator.migrate(&instance.opened, store, from_version, call.input, &context));
        }

        /// Begins a call, and reads the state that it will need, at once.
        inline fn begin(instance: *Self, times: Times, rows: []layout.Row, arena: []const u8, comptime prefetch: []const u8) Context(Operator) {
            const call = &instance.call;
            call.begin(rows, arena);
            const is_custom = @hasDecl(Operator, prefetch);
            const has_keys = has_stores and !is_custom and declaration.prefetch == .record_key;
            if (has_keys) call.loadKeys();
            if (is_custom) {
                var keys: Keys(Operator) = .{ .allocator = call.scratch.allocator(), .call = call };
                for (0..rows.len) |row| {
                    const record = call.input.read(row);
                    @field(Operator, prefetch)(&instance.opened, if (comptime std.mem.eql(u8, prefetch, "prefetch")) record else timerOf(record), &keys);
                }
                call.fetch(call.caches);
            }
            return .{ .allocator = call.scratch.allocator(), .times = times, .call = call, .has_keys = has_keys };
        }

        /// What handling one record came to.
        inline fn one(instance: *Self, result: anytype) error{ Retry, Fatal }!void {
            if (@typeInfo(@TypeOf(result)) != .error_union) return;
            result catch |failure| return instance.call.settle(failure);
        }

        inline fn whole(instance: *Self, result: anytype) error{ Retry, Fatal }!void {
            if (@typeInfo(@TypeOf(result)) != .error_union) return;
            result catch |failure| return instance.call.failed(failure);
        }
    };
}
