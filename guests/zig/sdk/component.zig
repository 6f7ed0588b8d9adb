//! The component's root: the canonical ABI of millstream:operator@0.1.0 by hand, around the module `operator`, whose `Operator` it exports.
//!
//! Each exported function gets its arguments in memory that `cabi_realloc` gave, and returns the address of its result; the host reads the result and
//! calls `cabi_post_…`. All memory of a call comes from the scratch that is reset there, so nothing is freed piece by piece and a steady state
//! allocates nothing. Inside `cabi_realloc` no import may be called.
const std = @import("std");
const millstream = @import("millstream");
const Operator = if (@hasDecl(module, "Operator")) module.Operator else @compileError("a project's module has `pub const Operator = struct { … };`");
const module = @import("operator");

const layout = millstream.layout;
const host = millstream.host;
const declaration = millstream.declarationOf(Operator);

/// A mistake in the operator's code: the host shows the text with the trap, and goes on without the record that led here.
pub const panic = std.debug.FullPanic(panicked);

fn panicked(message: []const u8, _: ?usize) noreturn {
    @branchHint(.cold);
    host.log(.err, message);
    @trap();
}

/// `std.log` goes to the host's log, `std.Io` and `std.debug.print` do not: there is nothing behind them.
pub const std_options: std.Options = .{ .logFn = log, .log_level = .debug };

fn log(comptime level: std.log.Level, comptime scope: @EnumLiteral(), comptime format: []const u8, arguments: anytype) void {
    const text = if (scope == .default) "" else "(" ++ @tagName(scope) ++ ") ";
    const line = instance.call.format(text ++ format, arguments);
    host.log(switch (level) {
        .err => .err,
        .warn => .warn,
        .info => .info,
        .debug => .debug,
    }, line);
}

var instance: millstream.Instance(Operator) = .init(millstream.forever);

/// `list<u8>` and `string`: all lists are as wide.
const List = extern struct {
    at: usize,
    len: usize,

    inline fn of(items: anytype) List {
        return .{ .at = host.address(items.ptr, items.len), .len = items.len };
    }

    inline fn bytes(list: List) []u8 {
        return host.bytesAt(list.at, list.len);
    }
};

const Batch = extern struct {
    index: List,
    arena: List,

    fn of(builder: *layout.Builder) Batch {
        const built = builder.built();
        var index: List = .of(built.index);
        index.len = index.len * @sizeOf(layout.Row) - builder.withheld;
        return .{ .index = index, .arena = .of(built.arena) };
    }
};

const Reject = extern struct { row: u32, code: u16, message: List };

const Failed = extern struct { tag: u32 = 1, is_fatal: u32, message: List };

comptime {
    std.debug.assert(@sizeOf(List) == 8 and @sizeOf(Reject) == 16);
    const interface = "millstream:operator/operator@0.1.0#";
    @export(&describe, .{ .name = interface ++ "describe" });
    @export(&open, .{ .name = interface ++ "open" });
    @export(&process, .{ .name = interface ++ "process" });
    @export(&onTimer, .{ .name = interface ++ "on-timer" });
    @export(&migrate, .{ .name = interface ++ "migrate" });
    for (.{ "describe", "open", "process", "on-timer", "migrate" }) |name| @export(&end, .{ .name = "cabi_post_" ++ interface ++ name });
    @export(&reallocate, .{ .name = "cabi_realloc" });
}

fn reallocate(old: usize, old_bytes: usize, _: usize, bytes: usize) callconv(.c) usize {
    // At most eight bytes are asked to be aligned in this world. No text is said here: nothing may be imported.
    const to = instance.call.scratch.tryBytes(bytes) orelse @trap();
    if (old_bytes > 0) @memcpy(to[0..@min(old_bytes, bytes)], host.bytesAt(old, @min(old_bytes, bytes)));
    return @intFromPtr(to);
}

fn end(_: usize) callconv(.c) void {
    instance.call.end();
}

fn fail(failure: error{ Retry, Fatal }, message: []const u8) *const anyopaque {
    const result = struct {
        var failed: Failed = undefined;
    };
    result.failed = .{ .is_fatal = @intFromBool(failure == error.Fatal), .message = .of(message) };
    return &result.failed;
}

fn describe() callconv(.c) *const anyopaque {
    const Store = extern struct { name: List, version: u32 };
    const result = struct {
        var description: extern struct { name: List, version: List, inputs: List, outputs: List, stores: List, config_schema: List } = undefined;
    };
    const scratch = &instance.call.scratch;
    const stores = scratch.list(Store, declaration.stores.len);
    inline for (declaration.stores, stores) |store, *to| to.* = .{ .name = .of(store.name), .version = store.version };
    result.description = .{
        .name = .of(declaration.name),
        .version = .of(declaration.version),
        .inputs = .of(names(declaration.inputs)),
        .outputs = .of(names(declaration.outputs)),
        .stores = .of(stores),
        .config_schema = .of(declaration.config_schema),
    };
    return &result.description;
}

fn names(comptime of: []const [:0]const u8) []const List {
    const lists = instance.call.scratch.list(List, of.len);
    inline for (of, lists) |name, *list| list.* = .of(name);
    return lists;
}

fn open(
    config: usize,
    config_bytes: usize,
    inputs: usize,
    inputs_n: usize,
    outputs: usize,
    outputs_n: usize,
    stores: usize,
    stores_n: usize,
) callconv(.c) *const anyopaque {
    const given = struct {
        var setup: millstream.Setup = undefined;
    };
    given.setup = .{
        .allocator = millstream.forever,
        .config = millstream.forever.dupe(u8, host.bytesAt(config, config_bytes)) catch @panic("out of memory"),
        .inputs = copied(inputs, inputs_n),
        .outputs = copied(outputs, outputs_n),
        .stores = copied(stores, stores_n),
    };
    instance.open(&given.setup) catch |failure| return fail(failure, given.setup.message orelse "it says no more");
    return &done;
}

/// The result of a call that gives nothing.
const done: u32 = 0;

/// Names that are to last as long as the instance.
fn copied(at: usize, len: usize) []const []const u8 {
    if (len == 0) return &.{};
    const texts = millstream.forever.alloc([]const u8, len) catch @panic("out of memory");
    for (texts, @as([*]const List, @ptrFromInt(at))[0..len]) |*text, list| text.* = millstream.forever.dupe(u8, list.bytes()) catch @panic("out of memory");
    return texts;
}

fn timesOf(watermark: i64, now: i64, task: u32) millstream.Times {
    return .{ .watermark = if (watermark == layout.inherit) null else watermark, .now = now, .task = task };
}

fn process(watermark: i64, now: i64, task: u32, index: usize, index_bytes: usize, arena: usize, arena_bytes: usize) callconv(.c) *const anyopaque {
    return effects(instance.process(timesOf(watermark, now, task), host.rowsAt(index, index_bytes), host.bytesAt(arena, arena_bytes)));
}

fn onTimer(watermark: i64, now: i64, task: u32, index: usize, index_bytes: usize, arena: usize, arena_bytes: usize) callconv(.c) *const anyopaque {
    return effects(instance.onTimer(timesOf(watermark, now, task), host.rowsAt(index, index_bytes), host.bytesAt(arena, arena_bytes)));
}

/// What a call asks for, or why it failed.
fn effects(outcome: error{ Retry, Fatal }!void) *const anyopaque {
    const result = struct {
        var effects: extern struct { tag: u32, outputs: Batch, timers: Batch, rejects: List } = undefined;
    };
    const call = &instance.call;
    outcome catch |failure| return fail(failure, call.message);
    const rejects = call.scratch.list(Reject, call.rejects_n);
    for (rejects, call.rejects[0..call.rejects_n]) |*to, reject| to.* = .{ .row = reject.row, .code = reject.code, .message = .of(reject.message) };
    result.effects = .{ .tag = 0, .outputs = .of(&call.outputs), .timers = .of(&call.timers), .rejects = .of(rejects) };
    return &result.effects;
}

fn migrate(
    store: usize,
    store_bytes: usize,
    from_version: u32,
    index: usize,
    index_bytes: usize,
    arena: usize,
    arena_bytes: usize,
) callconv(.c) *const anyopaque {
    const result = struct {
        var kept: extern struct { tag: u32, rows: Batch } = undefined;
    };
    const outcome = instance.migrate(host.bytesAt(store, store_bytes), from_version, host.rowsAt(index, index_bytes), host.bytesAt(arena, arena_bytes));
    outcome catch |failure| return fail(failure, instance.call.message);
    result.kept = .{ .tag = 0, .rows = .of(&instance.call.kept) };
    return &result.kept;
}
