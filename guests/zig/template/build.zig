//! `millstream build .` makes the component and needs none of this; `zig build test` runs the tests on this machine.
const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const folder = b.option([]const u8, "sdk", "the folder of Millstream's SDK (default: what `millstream sdk zig` says)") orelse
        std.mem.trim(u8, b.run(&.{ "millstream", "sdk", "zig" }), " \n");
    const sdk = b.createModule(.{ .root_source_file = .{ .cwd_relative = b.pathJoin(&.{ folder, "millstream.zig" }) } });
    const tests = b.addTest(.{ .root_module = b.createModule(.{
        .root_source_file = b.path("counter.zig"),
        .target = target,
        .optimize = optimize,
        .imports = &.{.{ .name = "millstream", .module = sdk }},
    }) });
    b.step("test", "Run the tests").dependOn(&b.addRunArtifact(tests).step);
}
