package millstream;

/** Whole numbers as text, the same in a component and on a JDK: TeaVM's {@code Long.parseLong} takes 2 to the 63rd for a long. */
public final class Numbers {
    private Numbers() {
    }

    /** The number that ASCII digits are, with or without a sign; null: they are none, or none of 64 bits. */
    public static Long parse(String text) {
        boolean isNegative = text.startsWith("-");
        int at = isNegative || text.startsWith("+") ? 1 : 0;
        if (at == text.length()) {
            return null;
        }
        // Negative, as there is one more of those.
        long number = 0;
        for (; at < text.length(); at++) {
            int digit = text.charAt(at) - '0';
            if (digit < 0 || digit > 9 || number < Long.MIN_VALUE / 10 || 10 * number < Long.MIN_VALUE + digit) {
                return null;
            }
            number = 10 * number - digit;
        }
        if (isNegative) {
            return number;
        }
        return number == Long.MIN_VALUE ? null : -number;
    }
}
