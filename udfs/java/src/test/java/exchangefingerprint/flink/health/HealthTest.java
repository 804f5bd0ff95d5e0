package exchangefingerprint.flink.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.SharedConstants;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HealthTest {
    private static final long MS = 1_000_000L;
    private static final long S = 1000 * MS;

    private final Health health = new Health();
    private final List<HealthEvent> events = new ArrayList<>();
    private long nowNs = 1_790_000_000L * S;
    private long offset;

    private void data(long pauseNs) {
        take(false, pauseNs);
    }

    private void heartbeat(long pauseNs) {
        take(true, pauseNs);
    }

    private void take(boolean isHeartbeat, long pauseNs) {
        nowNs += pauseNs;
        long type = isHeartbeat ? SharedConstants.HEARTBEAT : 0;
        health.take(type, SharedConstants.MISSING, SharedConstants.MISSING, nowNs, offset++, events::add);
    }

    private List<String> kinds() {
        return events.stream().map(HealthEvent::kind).toList();
    }

    @Test
    void noMessageForLongIsAStallAndToldOnce() {
        for (int i = 0; i < 201; i++) {
            data(S);
        }
        assertEquals(5 * S, health.silenceLimitNs());
        long beforeNs = nowNs;
        data(5 * S + 1);
        assertEquals(
                List.of(new HealthEvent("stall", beforeNs, 200, null, null, null, 5 * S + 1, 5 * S, null, null, null)),
                events);
        assertNull(health.silenceLimitNs(), "it is learnt anew");
        data(60 * S);
        assertEquals(1, events.size());
    }

    @Test
    void onlyHeartbeatsIsAStallOfData() {
        for (int i = 0; i < 201; i++) {
            data(S);
        }
        for (int i = 0; i < 6; i++) {
            heartbeat(S);
        }
        assertEquals(List.of("data_stall"), kinds());
        assertEquals(6 * S, events.get(0).silenceNs());
    }

    @Test
    void steadyHeartbeatsThatStopAmidDataAreAStall() {
        for (int i = 0; i < 21; i++) {
            heartbeat(S / 2);
            data(S / 2);
        }
        assertEquals(nowNs - S / 2, health.lastHeartbeatNs());
        for (int i = 0; i < 5; i++) {
            data(S);
        }
        assertEquals(List.of("heartbeat_stall"), kinds());
        assertEquals(5 * S + S / 2, events.get(0).silenceNs());
        assertNull(health.lastHeartbeatNs());
    }

    @Test
    void twentyHeartbeatsWithDataBetweenThemAreTooFew() {
        for (int i = 0; i < 20; i++) {
            heartbeat(S / 2);
            data(S / 2);
        }
        for (int i = 0; i < 10; i++) {
            data(S);
        }
        assertEquals(List.of(), kinds());
    }

    @Test
    void heartbeatsThatComeOnlyWhenNothingElseDoesAreNoContract() {
        for (int i = 0; i < 40; i++) {
            heartbeat(S);
        }
        for (int i = 0; i < 10; i++) {
            data(S);
        }
        assertEquals(List.of(), kinds());
    }

    @Test
    void twoSecondsAreABucket() {
        nowNs = 10 * S;
        assertTrue(health.opensBucket(nowNs));
        data(0);
        assertFalse(health.opensBucket(12 * S - 1));
        assertTrue(health.opensBucket(12 * S));
    }
}
