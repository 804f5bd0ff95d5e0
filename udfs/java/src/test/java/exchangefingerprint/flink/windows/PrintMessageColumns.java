package exchangefingerprint.flink.windows;

import exchangefingerprint.flink.RowLayout;

/** Prints the columns of a message, in the order in which the function reads them. */
final class PrintMessageColumns {
    private PrintMessageColumns() {}

    public static void main(String[] arguments) {
        System.out.println(String.join(" ", RowLayout.of(Windows.MESSAGE).names()));
    }
}
