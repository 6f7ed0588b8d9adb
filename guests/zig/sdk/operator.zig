//! What an operator declares and defines, what is derived from that while compiling, and how a record or a call ends early.
const std = @import("std");
const Allocator = std.mem.Allocator;

/// What an operator says of itself: `pub const declaration: Declaration = .{ … };`.
pub const Declaration = struct {
    name: []const u8,
    version: []const u8,
    /// Names of the input ports; a record's `port` is the place in this list. Empty: takes any number of inputs.
    inputs: []const [:0]const u8 = &.{"in"},
    /// Names of the output ports; the first is where records go unless told otherwise. Empty: a sink.
    outputs: []const [:0]const u8 = &.{"out"},
    stores: []const Store = &.{},
    /// JSON Schema of the config, checked by the host before anything runs; or empty.
    config_schema: []const u8 = "",
    prefetch: Prefetch = .record_key,
};

/// A declared store: key to value of a type, one value per key and task.
pub const Store = struct {
    name: [:0]const u8,
    /// Version of the values' format, from 1. Raise it with the format, and define `migrate`.
    version: u32 = 1,
    /// What it holds: `[]const u8`, a number, a struct of numbers, or a type with `encode` and `decode` (see `value.zig`).
    Value: type = []const u8,
};

/// Which state is read ahead, in one call at the start of a batch.
pub const Prefetch = enum {
    /// The record's key (or the timer's) in each store; or what `prefetch` and `prefetchTimer` name, where the operator defines them.
    record_key,
    /// Nothing: each first look at a key is a call to the host.
    nothing,
};

/// For operators that take no config: any field is refused, by name.
pub const NoConfig = struct {};

/// How handling a record ends early. `Reject`, `Retry` and `Fatal` come from the context's functions of those names, which keep the message.
/// Any other error rejects the record, with `code.unspecified` and the error's name; out of memory ends the instance.
pub const Stop = error{ Reject, Retry, Fatal };

/// Reject codes from 65,000 are the SDKs' own.
pub const code = struct {
    /// The record has no key, and the operator keeps state by key.
    pub const no_key: u16 = 65_000;
    /// The value is not UTF-8 text, or null.
    pub const bad_text: u16 = 65_001;
    /// The value is not the JSON that was expected.
    pub const bad_json: u16 = 65_002;
    /// The record has no timestamp, and the operator works in event time.
    pub const no_time: u16 = 65_003;
    /// The operator returned an error that does not say what is to come of it.
    pub const unspecified: u16 = 65_004;
};

/// A row that is refused: the operator's own code, for counting, and a message for people.
pub const Reject = struct { row: u32, code: u16, message: []const u8 };

pub const Clock = enum(u16) { event = 0, processing = 1 };

/// A timer is its clock, time, key and payload: setting it twice sets one.
pub const Timer = struct {
    clock: Clock = .event,
    /// When it is due, ms since 1970 UTC.
    at: i64,
    key: ?[]const u8 = null,
    payload: []const u8 = "",
    /// Where it is due: its number among those due with it.
    row: u32 = 0,
};

/// What the host tells an instance first. That the declared outputs and stores are there has been checked.
pub const Setup = struct {
    /// Memory that lasts as long as the instance.
    allocator: Allocator,
    /// The job's config as JSON; empty: none was given. It has been read into the operator's `Config` already.
    config: []const u8 = "",
    inputs: []const []const u8 = &.{},
    outputs: []const []const u8 = &.{},
    stores: []const []const u8 = &.{},
    /// What `fatal` and `wrong` were told.
    message: ?[]const u8 = null,

    /// Stops the job and shows the message: `return setup.fatal("…", .{})`.
    pub fn fatal(setup: *Setup, comptime format: []const u8, arguments: anytype) error{Fatal} {
        setup.message = std.fmt.allocPrint(setup.allocator, format, arguments) catch @import("memory.zig").outOfMemory();
        return error.Fatal;
    }

    /// The same for a field of the config: `return setup.wrong("size_ms", "must be at least 1")`.
    pub fn wrong(setup: *Setup, field: []const u8, what: []const u8) error{Fatal} {
        return setup.fatal("config: `{s}` {s}", .{ field, what });
    }
};

/// The declaration of an operator, looked at while compiling.
pub fn declarationOf(comptime Operator: type) Declaration {
    // Names are compared while compiling.
    @setEvalBranchQuota(100_000);
    if (!@hasDecl(Operator, "declaration"))
        @compileError("an operator has `pub const declaration: millstream.Declaration = .{ .name = …, .version = … };`");
    const declaration: Declaration = Operator.declaration;
    if (!@hasDecl(Operator, "process") and !@hasDecl(Operator, "processBatch"))
        @compileError("an operator has `pub fn process(self: *Operator, record: millstream.Record, context: *Context) !void`, or `processBatch`");
    for (declaration.stores, 0..) |store, n| {
        if (store.version == 0) @compileError("store `" ++ store.name ++ "`: versions count from 1");
        for (declaration.stores[0..n]) |other| {
            if (std.mem.eql(u8, store.name, other.name)) @compileError("two stores are called `" ++ store.name ++ "`");
        }
    }
    return declaration;
}

pub fn ConfigOf(comptime Operator: type) type {
    return if (@hasDecl(Operator, "Config")) Operator.Config else NoConfig;
}

/// The output ports as an enum, so that a name that is none does not compile.
pub fn PortOf(comptime Operator: type) type {
    const names = declarationOf(Operator).outputs;
    var numbers: [names.len]u16 = undefined;
    for (&numbers, 0..) |*number, n| number.* = n;
    return @Enum(u16, .exhaustive, names, &numbers);
}

/// The place of a store in the declaration.
pub fn placeOf(comptime Operator: type, comptime name: []const u8) comptime_int {
    @setEvalBranchQuota(100_000);
    for (declarationOf(Operator).stores, 0..) |store, n| {
        if (std.mem.eql(u8, store.name, name)) return n;
    }
    @compileError("the operator declares no store `" ++ name ++ "`: add it to `stores`");
}
