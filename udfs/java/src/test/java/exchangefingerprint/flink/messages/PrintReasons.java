package exchangefingerprint.flink.messages;

/** Prints the reasons why a record is invalid, in their order, a line each. */
final class PrintReasons {
    private PrintReasons() {}

    public static void main(String[] arguments) {
        for (RejectionReason reason : RejectionReason.values()) {
            System.out.println(reason.text);
        }
    }
}
