//! Memory: the scratch of one call, which is taken back at once when the call has returned, and lists that grow and stay.
//!
//! Out of memory is the host's limit, and nothing that an operator could do anything about: it ends the instance, with that text.
const std = @import("std");
const Allocator = std.mem.Allocator;
const Alignment = std.mem.Alignment;

/// Where the pointer of an empty list points: it must lie in memory like any other, aligned as its items would be.
pub const nothing: [8]u8 align(8) = @splat(0);

pub fn outOfMemory() noreturn {
    @branchHint(.cold);
    @panic("out of memory");
}

/// Makes room behind what is used of a list.
pub fn grow(comptime T: type, gpa: Allocator, list: *[]T, used: usize, more: usize) void {
    if (list.len - used >= more) return;
    const least: usize = if (T == u8) 4096 else 64;
    // What the allocator notes beside it must not make a block twice as large: it has powers of two.
    const slack = std.math.divCeil(usize, 64, @sizeOf(T)) catch unreachable;
    const wanted = @max(2 *| (list.len +| slack) -| slack, used +| more, least - slack);
    // Not `realloc`: what is behind `used` need not be copied.
    const larger = gpa.alloc(T, wanted) catch outOfMemory();
    @memcpy(larger[0..used], list.*[0..used]);
    gpa.free(list.*);
    list.* = larger;
}

/// Blocks of the current call, newest first. All that it gives is aligned to eight bytes.
pub const Scratch = struct {
    gpa: Allocator,
    newest: ?*Block = null,
    /// What is left of the newest block.
    free: [*]align(8) u8 = undefined,
    left: usize = 0,

    const Block = struct {
        older: ?*Block,
        room: usize,

        const head = std.mem.alignForward(usize, @sizeOf(Block), 8);

        fn bytes(block: *Block) [*]align(8) u8 {
            return @alignCast(@as([*]u8, @ptrCast(block)) + head);
        }
    };
    /// A block is a power of two less this: what it and the allocator note beside it must not make it twice as large.
    const slack = 64;
    const first_room = (64 << 10) - slack;

    pub fn deinit(s: *Scratch) void {
        while (s.newest) |block| s.drop(block);
        s.* = undefined;
    }

    pub inline fn bytes(s: *Scratch, len: usize) []align(8) u8 {
        return (s.tryBytes(len) orelse outOfMemory())[0..len];
    }

    pub inline fn list(s: *Scratch, comptime T: type, len: usize) []T {
        comptime std.debug.assert(@alignOf(T) <= 8);
        const room = s.bytes(std.math.mul(usize, len, @sizeOf(T)) catch outOfMemory());
        return @as([*]T, @ptrCast(room.ptr))[0..len];
    }

    pub fn copy(s: *Scratch, from: []const u8) []u8 {
        const to = s.bytes(from.len);
        @memcpy(to, from);
        return to;
    }

    pub inline fn tryBytes(s: *Scratch, len: usize) ?[*]align(8) u8 {
        // Nothing has an address, too; and what no block can hold stays that large.
        const least: usize = @max(len, 1);
        const rounded = (least +| 7) & ~@as(usize, 7);
        if (s.left < rounded and !s.newBlock(rounded)) return null;
        const at = s.free;
        s.free = @alignCast(at + rounded);
        s.left -= rounded;
        return at;
    }

    noinline fn newBlock(s: *Scratch, least: usize) bool {
        @branchHint(.cold);
        const room = @max(if (s.newest) |block| 2 *| (block.room +| slack) -| slack else first_room, least);
        // Twice as much may be too much where just enough is not.
        return s.add(room) or s.add(least);
    }

    fn add(s: *Scratch, room: usize) bool {
        const whole = s.gpa.alignedAlloc(u8, .@"8", room +| Block.head) catch return false;
        const block: *Block = @ptrCast(whole.ptr);
        block.* = .{ .older = s.newest, .room = room };
        s.newest = block;
        s.free = block.bytes();
        s.left = room;
        return true;
    }

    fn drop(s: *Scratch, block: *Block) void {
        s.newest = block.older;
        const whole: [*]align(8) u8 = @ptrCast(@alignCast(block));
        s.gpa.free(whole[0 .. block.room + Block.head]);
    }

    /// Takes all back. One block stays that would have held it all, so that the next call of this size finds its room at once.
    pub fn reset(s: *Scratch) void {
        const newest = s.newest orelse return;
        if (newest.older != null) {
            var room: usize = 0;
            while (s.newest) |block| {
                room +|= block.room;
                s.drop(block);
            }
            s.left = 0;
            const whole = std.math.ceilPowerOfTwo(usize, room +| slack) catch return;
            if (!s.add(whole - slack)) return;
        }
        s.free = s.newest.?.bytes();
        s.left = s.newest.?.room;
    }

    pub fn allocator(s: *Scratch) Allocator {
        return .{ .ptr = s, .vtable = &.{ .alloc = alloc, .resize = resize, .remap = remap, .free = freeNothing } };
    }

    fn alloc(context: *anyopaque, len: usize, alignment: Alignment, _: usize) ?[*]u8 {
        const s: *Scratch = @ptrCast(@alignCast(context));
        if (alignment.compare(.lte, .@"8")) return s.tryBytes(len);
        const at = s.tryBytes(len +| alignment.toByteUnits()) orelse return null;
        return @ptrFromInt(alignment.forward(@intFromPtr(at)));
    }

    /// In place where it is what was given last.
    fn resize(context: *anyopaque, old: []u8, _: Alignment, len: usize, _: usize) bool {
        const s: *Scratch = @ptrCast(@alignCast(context));
        if (len <= old.len) return true;
        const end = std.mem.alignForward(usize, @intFromPtr(old.ptr) + old.len, 8);
        const more = std.mem.alignForward(usize, @intFromPtr(old.ptr) + len, 8) -| end;
        if (s.newest == null or end != @intFromPtr(s.free) or more > s.left) return false;
        s.free = @alignCast(s.free + more);
        s.left -= more;
        return true;
    }

    fn remap(context: *anyopaque, old: []u8, alignment: Alignment, len: usize, from: usize) ?[*]u8 {
        return if (resize(context, old, alignment, len, from)) old.ptr else null;
    }

    fn freeNothing(_: *anyopaque, _: []u8, _: Alignment, _: usize) void {}
};
