package exchangefingerprint.flink.deadletters;

import exchangefingerprint.flink.kafka.KafkaAnswer;
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
 * Sends each dead letter as it is, or, where the topic does not take it so, with less and less of it.
 *
 * <p>What the topic takes in no form is a loss, which is counted and remembered; so is every dead letter while the
 * topic takes none. Only a Kafka that does not answer at all fails the job: there is nothing to read then either.
 */
final class DeadLetterWriter implements SinkWriter<RowData> {
    private static final int MOST_ANSWERS = 10_000;
    private static final long FIRST_PAUSE_MS = 30_000;
    private static final long LONGEST_PAUSE_MS = 600_000;

    private final DeadLetterProducer producer;
    private final String sourceTopic;
    private final Losses losses;
    private final ConcurrentLinkedQueue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final AtomicInteger nAnswers = new AtomicInteger();

    /** Why the topic takes nothing, null while it does. */
    private String problem;

    private long asksAgainMs;
    private long pauseMs;

    /** What became of a dead letter that was not sent as it is; without an error, it is there. */
    private record Answer(DeadLetter deadLetter, String cause, boolean isSecond, Exception error) {
        /** Tell whether the same may be taken a moment later, as by a Kafka that was away and is back. */
        boolean mayPass() {
            return error instanceof RetriableException && !isSecond;
        }
    }

    DeadLetterWriter(DeadLetterProducer producer, String sourceTopic, Losses losses) {
        this.producer = producer;
        this.sourceTopic = sourceTopic;
        this.losses = losses;
    }

    @Override
    public void write(RowData row, Context context) throws IOException {
        send(DeadLetter.of(row), "", false);
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
        producer.close();
    }

    private void send(DeadLetter deadLetter, String cause, boolean isSecond) throws IOException {
        if (takesNothing()) {
            losses.add(deadLetter.in(DeadLetter.Form.NOTHING), problem);
            return;
        }
        producer.send(
                deadLetter.record(producer.topic, sourceTopic, cause),
                error -> {
                    if (error != null || deadLetter.isCut()) {
                        answers.add(new Answer(deadLetter, cause, isSecond, error));
                        nAnswers.incrementAndGet();
                    }
                });
    }

    /** Send what was refused in other forms, until all of it is sent or lost. */
    private void settle() throws IOException {
        while (true) {
            producer.flush();
            List<Answer> taken = new ArrayList<>();
            for (Answer next = answers.poll(); next != null; next = answers.poll()) {
                taken.add(next);
            }
            nAnswers.addAndGet(-taken.size());
            if (taken.isEmpty()) {
                return;
            }
            if (problem == null) {
                lookForAProblem(taken);
            }
            for (Answer answer : taken) {
                take(answer);
            }
        }
    }

    /** Where some may pass, ask Kafka once for all of them whether the topic is there. */
    private void lookForAProblem(List<Answer> taken) throws IOException {
        for (Answer answer : taken) {
            if (answer.mayPass()) {
                String known = problemUnlessAway(answer.error);
                if (!known.isEmpty()) {
                    pause(known);
                }
                return;
            }
        }
    }

    private void take(Answer answer) throws IOException {
        if (answer.error == null) {
            losses.add(answer.deadLetter, answer.cause);
            return;
        }
        if (problem == null && answer.mayPass()) {
            send(answer.deadLetter, answer.cause, true);
            return;
        }
        if (problem == null && !isOfDeadLetter(answer.error)) {
            close(answer.error);
        }
        DeadLetter cut = answer.deadLetter;
        DeadLetter smaller = problem == null ? cut.smaller() : cut.in(DeadLetter.Form.NOTHING);
        String cause = problem == null ? KafkaAnswer.of(answer.error) : problem;
        if (smaller.form() == DeadLetter.Form.NOTHING) {
            losses.add(smaller, cause);
        } else {
            send(smaller, cause, false);
        }
    }

    private static boolean isOfDeadLetter(Exception error) {
        boolean isOther = error instanceof KafkaException && !(error instanceof ApiException);
        return error instanceof RecordTooLargeException || error instanceof InvalidRecordException || isOther;
    }

    /** Send nothing for a while; fail if it is Kafka that is away, and not the topic that refuses. */
    private void close(Exception error) throws IOException {
        String known = problemUnlessAway(error);
        pause(known.isEmpty() ? KafkaAnswer.of(error) : known);
    }

    /** Ask why the topic takes nothing, "" if that is not known; fail if Kafka does not answer. */
    private String problemUnlessAway(Exception error) throws IOException {
        String known = producer.problem();
        if (known == null && error instanceof RetriableException) {
            throw new IOException(
                    "Expected Kafka to take dead letters for " + producer.topic + ", found "
                            + KafkaAnswer.of(error) + ": check that it runs",
                    error);
        }
        return known == null ? "" : known;
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
        String known = producer.problem();
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
