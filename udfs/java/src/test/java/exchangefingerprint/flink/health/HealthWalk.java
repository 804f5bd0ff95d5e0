package exchangefingerprint.flink.health;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import java.util.Scanner;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * Walks over the messages of connections, a line for each: {@code n}, then of each message type, number, predecessor
 * and receive time, with a dash for what is missing. Prints each event.
 */
final class HealthWalk {
    public static void main(String[] arguments) throws IOException {
        Scanner in = new Scanner(System.in);
        for (int series = 0; in.hasNextInt(); series++) {
            Health health = new Health();
            int n = in.nextInt();
            for (int offset = 0; offset < n; offset++) {
                String place = series + " " + offset + " ";
                long type = in.nextLong();
                long seq = number(in);
                long prevSeq = number(in);
                long recvTsNs = in.nextLong();
                health.take(type, seq, prevSeq, recvTsNs, offset, event -> System.out.println(place + text(event)));
                // As after a checkpoint, and as the heap's copies are.
                health = restored(health).copy();
            }
        }
    }

    private static long number(Scanner in) {
        String text = in.next();
        return text.equals("-") ? SharedConstants.MISSING : Long.parseLong(text);
    }

    private static String text(HealthEvent event) {
        return String.join(
                " ",
                event.kind(),
                String.valueOf(event.sinceNs()),
                String.valueOf(event.sinceOffset()),
                String.valueOf(event.seqBefore()),
                String.valueOf(event.seq()),
                String.valueOf(event.missing()));
    }

    private static Health restored(Health health) throws IOException {
        DataOutputSerializer bytes = new DataOutputSerializer(64);
        health.write(bytes);
        Health to = new Health();
        to.read(new DataInputDeserializer(bytes.getCopyOfBuffer()));
        return to;
    }
}
