import java.util.Locale;
import millstream.Bytes;
import millstream.Context;
import millstream.Millstream;
import millstream.Operator;
import millstream.Record;

/** A flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case. */
public final class Split implements Operator {
    public static void main(String[] arguments) {
        Millstream.operator("split", Split::new);
    }

    @Override
    public void process(Record record, Context context) {
        String text = record.valueText().toLowerCase(Locale.ROOT);
        int begin = -1;
        for (int at = 0; at <= text.length(); ) {
            int letter = at < text.length() ? text.codePointAt(at) : -1;
            if (letter >= 0 && isWord(letter)) {
                begin = begin < 0 ? at : begin;
            } else if (begin >= 0) {
                Bytes word = Bytes.of(text.substring(begin, at));
                context.emit(word, word);
                begin = -1;
            }
            at += letter >= 0x10000 ? 2 : 1;
        }
    }

    /** Letters, and numbers of all kinds. */
    static boolean isWord(int letter) {
        if (letter < 0x80) {
            return letter >= 'a' && letter <= 'z' || letter >= '0' && letter <= '9' || letter >= 'A' && letter <= 'Z';
        }
        return switch (Character.getType(letter)) {
            case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER, Character.MODIFIER_LETTER, Character.OTHER_LETTER,
                Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
            default -> false;
        };
    }
}
