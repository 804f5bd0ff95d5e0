package exchangefingerprint.flink.letters;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.InvalidRecordException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.KafkaException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.ApiException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.RetriableException;
import org.apache.flink.table.data.RowData;

/**
 * Sends each letter as it is, or, where the topic does not take it so, with less and less of it.
 *
 * <p>What the topic takes in no form is a loss, which is counted and remembered; so is every letter while the topic
 * takes none. Only a Kafka that does not answer at all fails the job: there is nothing to read then either.
 */
final class LetterWriter implements SinkWriter<RowData> {
    private static final int MOST_ANSWERS = 10_000;
    private static final long FIRST_PAUSE_MS = 30_000;
    private static final long LONGEST_PAUSE_MS = 600_000;

    private final Mailbox mailbox;
    private final String sourceTopic;
    private final Losses losses;
    private final ConcurrentLinkedQueue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final AtomicInteger nAnswers = new AtomicInteger();

    /** Why the topic takes nothing, null while it does. */
    private String problem;

    private long asksAgainMs;
    private long pauseMs;

    /** What became of a letter that was not sent as it is; without an error, it is there. */
    private record Answer(Letter letter, String cause, Exception error) {}

    LetterWriter(Mailbox mailbox, String sourceTopic, Losses losses) {
        this.mailbox = mailbox;
        this.sourceTopic = sourceTopic;
        this.losses = losses;
    }

    @Override
    public void write(RowData row, Context context) throws IOException {
        send(Letter.of(row), "");
        if (nAnswers.get() >= MOST_ANSWERS) {
            settle();
        }
    }

    @Override
    public void flush(boolean endOfInput) throws IOException {
        settle();
        losses.write();
    }

    @Override
    public void close() {
        mailbox.close();
    }

    private void send(Letter letter, String cause) throws IOException {
        if (takesNothing()) {
            losses.add(letter.in(Letter.Form.NOTHING), problem);
            return;
        }
        mailbox.send(
                letter.record(mailbox.topic, sourceTopic, cause),
                error -> {
                    if (error != null || letter.isCut()) {
                        answers.add(new Answer(letter, cause, error));
                        nAnswers.incrementAndGet();
                    }
                });
    }

    /** Send what was refused in other forms, until all of it is sent or lost. */
    private void settle() throws IOException {
        while (true) {
            mailbox.flush();
            List<Answer> taken = new ArrayList<>();
            for (Answer next = answers.poll(); next != null; next = answers.poll()) {
                taken.add(next);
            }
            nAnswers.addAndGet(-taken.size());
            if (taken.isEmpty()) {
                return;
            }
            for (Answer answer : taken) {
                take(answer);
            }
        }
    }

    private void take(Answer answer) throws IOException {
        if (answer.error == null) {
            losses.add(answer.letter, answer.cause);
            return;
        }
        if (problem == null && !isOfLetter(answer.error)) {
            close(answer.error);
        }
        Letter smaller = problem == null ? answer.letter.smaller() : answer.letter.in(Letter.Form.NOTHING);
        String cause = problem == null ? Mailbox.said(answer.error) : problem;
        if (smaller.form() == Letter.Form.NOTHING) {
            losses.add(smaller, cause);
        } else {
            send(smaller, cause);
        }
    }

    private static boolean isOfLetter(Exception error) {
        boolean isOther = error instanceof KafkaException && !(error instanceof ApiException);
        return error instanceof RecordTooLargeException || error instanceof InvalidRecordException || isOther;
    }

    /** Send nothing for a while; fail if it is Kafka that is away, and not the topic that refuses. */
    private void close(Exception error) throws IOException {
        String known = mailbox.problem();
        if (known == null && error instanceof RetriableException) {
            throw new IOException(
                    "Expected Kafka to take dead letters for " + mailbox.topic + ", found " + Mailbox.said(error)
                            + ": check that it runs",
                    error);
        }
        pause(known == null || known.isEmpty() ? Mailbox.said(error) : known);
    }

    private void pause(String found) {
        problem = found;
        pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, 2 * pauseMs), LONGEST_PAUSE_MS);
        asksAgainMs = nowMs() + pauseMs;
    }

    /** Tell whether the topic takes nothing, by what is known or by asking once more. */
    private boolean takesNothing() {
        if (problem == null || nowMs() < asksAgainMs) {
            return problem != null;
        }
        String known = mailbox.problem();
        if (known == null || known.isEmpty()) {
            problem = null;
        } else {
            pause(known);
        }
        return problem != null;
    }

    private static long nowMs() {
        return System.nanoTime() / 1_000_000;
    }
}
