//! The SDK as a package, for editors and for tests on the machine itself: `b.dependency("millstream", .{}).module("millstream")`.
const std = @import("std");

pub fn build(b: *std.Build) void {
    _ = b.addModule("millstream", .{ .root_source_file = b.path("millstream.zig") });
}
