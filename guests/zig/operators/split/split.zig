//! Flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case.
const std = @import("std");
const ms = @import("millstream");

pub const Operator = struct {
    pub const declaration: ms.Declaration = .{ .name = "split", .version = "0.1.0" };

    pub fn process(_: *Operator, record: ms.Record, context: *Context) !void {
        const value = try context.needText(record);
        // A letter in lower case may be longer than it was: Ⱥ has two bytes, ⱥ three.
        const word = try context.allocator.alloc(u8, 2 * value.len + 4);
        var len: usize = 0;
        // Where the last letter begins.
        var last: usize = 0;
        var letters: ms.text.Letters = .{ .rest = value };
        while (true) {
            const letter = letters.next();
            if (letter != null and ms.text.isWord(letter.?)) {
                last = len;
                len += ms.text.put(word[len..][0..4], ms.text.lower(letter.?)).len;
                continue;
            }
            if (len > 0) {
                // A sigma at the end of a word.
                if (last > 0 and std.mem.eql(u8, word[last..len], "σ")) @memcpy(word[last..len], "ς");
                context.emit(.{ .key = word[0..len], .value = word[0..len] });
            }
            if (letter == null) return;
            len = 0;
            last = 0;
        }
    }
};
const Context = ms.Context(Operator);

test "words are in lower case, and a sigma at their end is another" {
    var op: ms.testing.Harness(Operator) = .init();
    defer op.deinit();
    try op.open("");
    try op.feed(&.{ .{ .value = "ΟΔΟΣ, Σ and\u{23A}!" }, .{ .value = "" }, .{ .value = null } });
    for ([_][]const u8{ "οδος", "σ", "and\u{2C65}" }, 0..) |word, n| try op.expectOutput(n, word, word);
    try std.testing.expectEqual(3, op.outputs.items.len);
    try op.expectReject(0, 2, ms.code.bad_text);
}
