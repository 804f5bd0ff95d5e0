package exchangefingerprint.flink.verdicts;

import exchangefingerprint.flink.RowLayout;

/** Prints the columns of a scored window, in the order in which the function reads them, and those that it emits. */
final class PrintColumns {
    private PrintColumns() {}

    public static void main(String[] arguments) {
        System.out.println(String.join(" ", RowLayout.of(Verdicts.SCORED).names()));
        System.out.println(String.join(" ", RowLayout.of(Verdicts.JUDGED).names()));
    }
}
