//! Write Millstream operators in Zig. An operator is a struct called `Operator` in the project's module:
//!
//!     const ms = @import("millstream");
//!
//!     pub const Operator = struct {
//!         pub const declaration: ms.Declaration = .{ .name = "upper", .version = "0.1.0" };
//!
//!         pub fn process(_: *Operator, record: ms.Record, context: *Context) !void {
//!             const value = try context.needText(record); // null or no UTF-8: rejected
//!             context.emit(.{ .key = record.key, .value = try std.ascii.allocUpperString(context.allocator, value) });
//!         }
//!     };
//!     const Context = ms.Context(Operator);
//!
//! What it may define, all but `declaration` and one of the first two are optional:
//!
//!     pub fn process(self: *Operator, record: ms.Record, context: *Context) !void
//!     pub fn processBatch(self: *Operator, batch: ms.Batch, context: *Context) !void      in place of `process`: the whole batch in one call
//!     pub const Config = struct { … };                                                    the job's config; none: it takes none
//!     pub fn open(config: Config, setup: *ms.Setup) !Operator                             without it, all fields have defaults
//!     pub fn onTimer(self: *Operator, timer: ms.Timer, context: *Context) !void
//!     pub fn onTimerBatch(self: *Operator, due: ms.Batch, context: *Context) !void
//!     pub fn prefetch(self: *Operator, record: ms.Record, keys: *ms.Keys(Operator)) void  which state a record needs, where it is not that of its key
//!     pub fn prefetchTimer(self: *Operator, timer: ms.Timer, keys: *ms.Keys(Operator)) void
//!     pub fn migrate(self: *Operator, store: []const u8, from_version: u32, rows: ms.Batch, context: *Context) !void
//!
//! Memory: what the context's allocator gives, and all that the host hands over, lives until the call returns; then the SDK takes it back at once. What `open`
//! prepares lives as long as the instance, which the host may replace between any two calls: what must last goes into a store. There are no files, no network,
//! no clock and no threads. Tests run on the machine itself: `testing`.
const std = @import("std");
const builtin = @import("builtin");

comptime {
    if (builtin.zig_version.order(.{ .major = 0, .minor = 17, .patch = 0 }) == .lt)
        @compileError("this SDK is written for zig 0.17, and this is " ++ builtin.zig_version_string ++ ": pip install ziglang==0.17.1");
}

const operator = @import("operator.zig");
pub const Declaration = operator.Declaration;
pub const Store = operator.Store;
pub const Prefetch = operator.Prefetch;
pub const NoConfig = operator.NoConfig;
pub const Setup = operator.Setup;
pub const Stop = operator.Stop;
pub const Reject = operator.Reject;
pub const Clock = operator.Clock;
pub const Timer = operator.Timer;
pub const code = operator.code;
pub const declarationOf = operator.declarationOf;

pub const layout = @import("layout.zig");
pub const Batch = layout.Batch;
pub const Record = layout.Record;

pub const Context = @import("context.zig").Context;
pub const Times = @import("context.zig").Times;
pub const Keys = @import("keys.zig").Keys;
pub const Headers = @import("headers.zig").Headers;
pub const Header = @import("headers.zig").Header;
pub const Instance = @import("instance.zig").Instance;
pub const host = @import("host.zig");
pub const Level = host.Level;
pub const config = @import("config.zig");
pub const json = @import("json.zig");
pub const text = @import("text.zig");
pub const value = @import("value.zig");

/// Runs an operator on the machine itself, without Wasm and without a host.
pub const testing = @import("testing.zig");

/// Memory that lasts as long as the instance.
pub const forever: std.mem.Allocator = if (builtin.target.cpu.arch == .wasm32)
    .{ .ptr = undefined, .vtable = &std.heap.BrkAllocator.vtable }
else
    std.heap.page_allocator;
