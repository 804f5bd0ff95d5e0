package exchangefingerprint.flink.health;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Scanner;
import org.apache.flink.core.memory.DataInputViewStreamWrapper;
import org.apache.flink.core.memory.DataOutputViewStreamWrapper;

/** Walks over the ends of windows, a line for each series: {@code n t1 ... tn}, and prints each change. */
final class DriftWalk {
    public static void main(String[] arguments) throws IOException {
        Scanner in = new Scanner(System.in);
        for (int series = 0; in.hasNextInt(); series++) {
            Drift drift = new Drift();
            int n = in.nextInt();
            for (int offset = 0; offset < n; offset++) {
                HealthEvent found = drift.take(in.nextLong(), offset);
                if (found != null) {
                    System.out.printf(
                            "%d %d %d %d %x %x %x%n",
                            series,
                            offset,
                            found.sinceNs(),
                            found.sinceOffset(),
                            Double.doubleToLongBits(found.rateBefore()),
                            Double.doubleToLongBits(found.rateNow()),
                            Double.doubleToLongBits(found.score()));
                }
                // As after a checkpoint, and as the heap's copies are.
                drift = restored(drift).copy();
            }
        }
    }

    private static Drift restored(Drift drift) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        drift.write(new DataOutputViewStreamWrapper(new DataOutputStream(bytes)));
        Drift to = new Drift();
        to.read(new DataInputViewStreamWrapper(new DataInputStream(new ByteArrayInputStream(bytes.toByteArray()))));
        return to;
    }
}
