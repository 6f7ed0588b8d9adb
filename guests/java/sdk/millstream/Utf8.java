package millstream;

import java.nio.charset.StandardCharsets;

/** UTF-8 as the standard has it: no sequence longer than it need be, no surrogates, nothing past U+10FFFF. */
final class Utf8 {
    private Utf8() {
    }

    static String decoded(byte[] bytes, int from, int size) {
        char[] letters = new char[size];
        for (int n = 0; n < size; n++) {
            if (bytes[from + n] < 0) {
                return new String(bytes, from, size, StandardCharsets.UTF_8);
            }
            letters[n] = (char) bytes[from + n];
        }
        return new String(letters);
    }

    static boolean isValid(byte[] bytes, int from, int end) {
        int at = from;
        while (at < end) {
            int first = bytes[at] & 0xFF;
            if (first < 0x80) {
                at++;
                continue;
            }
            int more = first >= 0xC2 && first <= 0xDF ? 1 : first >= 0xE0 && first <= 0xEF ? 2 : first >= 0xF0 && first <= 0xF4 ? 3 : 0;
            if (more == 0 || at + more >= end || !secondFits(first, bytes[at + 1] & 0xFF)) {
                return false;
            }
            for (int n = 2; n <= more; n++) {
                if ((bytes[at + n] & 0xC0) != 0x80) {
                    return false;
                }
            }
            at += 1 + more;
        }
        return true;
    }

    private static boolean secondFits(int first, int second) {
        int least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        int most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        return second >= least && second <= most;
    }
}
