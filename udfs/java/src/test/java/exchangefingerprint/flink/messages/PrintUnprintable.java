package exchangefingerprint.flink.messages;

/** Prints the code points that no id may have, a line each. */
final class PrintUnprintable {
    private PrintUnprintable() {}

    public static void main(String[] arguments) {
        for (int character = 0; character <= Character.MAX_CODE_POINT; character++) {
            if (!Text.isPrintable(Character.toString(character), 0, 1)) {
                System.out.println(character);
            }
        }
    }
}
