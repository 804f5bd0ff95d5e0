package exchangefingerprint.flink.health;

import exchangefingerprint.flink.SharedConstants;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Numbers that name their predecessors: which chain each one continues, and which chain has broken off.
 *
 * <p>Nothing says which chain a number belongs to but the number before it. One that continues none begins a chain,
 * which is a break of another one if that was expected then and has been silent since for far longer than ever.
 * Numbers that name none are chains too, of steps of one, if they are those of several counters.
 */
final class NumberChains {
    private final int most;

    /** The one that was continued last is at the end. */
    private final List<NumberChain> chains = new ArrayList<>(1);

    /** The last numbers without a predecessor, the oldest first: each may be a snapshot that a chain continues. */
    private final List<Long> beginnings = new ArrayList<>(0);

    /** Offset of the last yes to a request: what ends before it, or begins after it, may have been asked for. */
    private long answered = SharedConstants.MISSING;

    private long nLinks;
    private long nBeginnings;

    /** Begin without a chain; there are at most so many. */
    NumberChains(int most) {
        this.most = most;
    }

    void answer(long offset) {
        answered = offset;
    }

    /** Take note of a number without a predecessor. */
    void begin(long seq) {
        if (beginnings.size() == SharedConstants.MOST_BEGINNINGS) {
            beginnings.remove(0);
        }
        beginnings.add(seq);
        nBeginnings++;
    }

    /** Take in a number that names no predecessor: the one below, unless it says again where a chain is. */
    HealthEvent takeStep(long seq, long recvTsNs, long offset) {
        for (NumberChain chain : chains) {
            if (chain.last == seq) {
                return null;
            }
        }
        return take(seq - 1, seq, recvTsNs, offset);
    }

    /** Take in a number and its predecessor; say if by now a chain has broken off, or return null. */
    HealthEvent take(long prevSeq, long seq, long recvTsNs, long offset) {
        for (int i = chains.size() - 1; i >= 0; i--) {
            NumberChain chain = chains.get(i);
            if (chain.last == prevSeq) {
                chain.goOn(seq, recvTsNs, offset);
                nLinks++;
                chains.remove(i);
                chains.add(chain);
                return chain.isSuspect ? brokenBy(chain, recvTsNs) : null;
            }
        }
        open(prevSeq, seq, recvTsNs, offset);
        return null;
    }

    private void open(long prevSeq, long seq, long recvTsNs, long offset) {
        NumberChain chain = new NumberChain();
        chain.last = seq;
        chain.lastNs = recvTsNs;
        chain.lastOffset = offset;
        if (!chains.isEmpty() && prevSeq >= 0 && !followsSnapshot(prevSeq)) {
            chain.isSuspect = true;
            chain.headNames = prevSeq;
            chain.headSeq = seq;
            chain.headOffset = offset;
            chain.headHeardNs = chains.get(chains.size() - 1).lastNs;
            chain.headAnswered = answered;
        }
        if (chains.size() < most || dropFleeting()) {
            chains.add(chain);
        }
    }

    /** Where numbers without a predecessor are frequent, they are no snapshots. */
    private boolean followsSnapshot(long prevSeq) {
        return beginnings.contains(prevSeq) && nLinks >= SharedConstants.LINKS_TO_A_BEGINNING * nBeginnings;
    }

    private boolean dropFleeting() {
        for (int i = 0; i < chains.size(); i++) {
            if (!chains.get(i).isEstablished()) {
                chains.remove(i);
                return true;
            }
        }
        return false;
    }

    private HealthEvent brokenBy(NumberChain chain, long recvTsNs) {
        NumberChain broken = nearestMissed(chain);
        if (broken == null) {
            chain.isSuspect = false;
            return null;
        }
        if (chain.links < SharedConstants.LEAST_NEW_LINKS || !broken.isLate(recvTsNs)) {
            return null;
        }
        chains.remove(broken);
        chain.takeThePlaceOf(broken);
        return HealthEvent.ofChain(broken, chain.headNames, chain.headSeq);
    }

    private NumberChain nearestMissed(NumberChain chain) {
        NumberChain nearest = null;
        for (int i = chains.size() - 1; i >= 0; i--) {
            NumberChain other = chains.get(i);
            boolean isNearer =
                    nearest == null || Long.compareUnsigned(chain.distanceTo(other), chain.distanceTo(nearest)) < 0;
            if (isNearer && chain.mayContinue(other)) {
                nearest = other;
            }
        }
        return nearest;
    }

    NumberChains copy() {
        NumberChains to = new NumberChains(most);
        for (NumberChain chain : chains) {
            to.chains.add(chain.copy());
        }
        to.beginnings.addAll(beginnings);
        to.answered = answered;
        to.nLinks = nLinks;
        to.nBeginnings = nBeginnings;
        return to;
    }

    void write(DataOutputView target) throws IOException {
        target.writeInt(chains.size());
        for (NumberChain chain : chains) {
            chain.write(target);
        }
        target.writeInt(beginnings.size());
        for (long seq : beginnings) {
            target.writeLong(seq);
        }
        target.writeLong(answered);
        target.writeLong(nLinks);
        target.writeLong(nBeginnings);
    }

    /** Become what {@link #write} has written; this one is new. */
    void read(DataInputView source) throws IOException {
        for (int n = source.readInt(); n > 0; n--) {
            NumberChain chain = new NumberChain();
            chain.read(source);
            chains.add(chain);
        }
        for (int n = source.readInt(); n > 0; n--) {
            beginnings.add(source.readLong());
        }
        answered = source.readLong();
        nLinks = source.readLong();
        nBeginnings = source.readLong();
    }
}
