package exchangefingerprint.flink.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;

import exchangefingerprint.flink.planned.Nothing;
import exchangefingerprint.flink.planned.Planned;
import java.time.Duration;
import java.util.List;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.state.ttl.AbstractTtlDecorator;
import org.apache.flink.streaming.api.transformations.OneInputTransformation;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.generated.GeneratedHashFunction;
import org.apache.flink.table.runtime.generated.GeneratedProcessTableRunner;
import org.apache.flink.table.runtime.generated.GeneratedRecordComparator;
import org.apache.flink.table.runtime.generated.GeneratedRecordEqualiser;
import org.apache.flink.table.runtime.operators.process.ProcessTableOperatorFactory;
import org.junit.jupiter.api.Test;

class SeldomSweptTest {
    /** A state that expires, as far as its sweeping goes. */
    private static final class Expiring extends AbstractTtlDecorator<Object> {
        private final Runnable accessCallback;

        Expiring(Runnable accessCallback) {
            super(
                    new Object(),
                    StateTtlConfig.newBuilder(Duration.ofDays(1)).build(),
                    System::currentTimeMillis);
            this.accessCallback = accessCallback;
        }

        void access() {
            accessCallback.run();
        }
    }

    @Test
    void eachHundredthAccessSweeps() {
        int[] sweeps = {0};
        Expiring state = new Expiring(() -> sweeps[0]++);
        SeldomSwept.sweepSeldom(state);
        for (int access = 1; access <= 399; access++) {
            state.access();
            assertEquals(access / 100, sweeps[0]);
        }
    }

    @Test
    void flinksOwnStateHasTheFieldThatIsReplaced() throws Exception {
        Class<?> flinks = Class.forName("org.apache.flink.runtime.state.ttl.AbstractTtlState");
        assertEquals(Runnable.class, flinks.getDeclaredField("accessCallback").getType());
    }

    @Test
    void aStateThatDoesNotExpireIsLeftAlone() {
        SeldomSwept.sweepSeldom("no state");
    }

    @Test
    void itTakesThePlaceOfThePlannersOperator() {
        ProcessTableOperatorFactory flinks = new ProcessTableOperatorFactory(
                List.of(),
                List.of(),
                new GeneratedRecordComparator[0],
                new GeneratedProcessTableRunner("Nothing", "", new Object[0], new Configuration()),
                new GeneratedHashFunction[0],
                new GeneratedRecordEqualiser[0],
                null,
                List.of());
        OneInputTransformation<RowData, RowData> planned = new OneInputTransformation<>(
                new Nothing(Types.GENERIC(RowData.class)), "planned", flinks, Types.GENERIC(RowData.class), 1);
        new SeldomSwept.InPlace().accept(planned);

        SeldomSwept.Factory ours = assertInstanceOf(SeldomSwept.Factory.class, Planned.factory(planned));
        assertEquals(SeldomSwept.class, ours.getStreamOperatorClass(getClass().getClassLoader()));
        assertSame(
                Planned.read(flinks, "generatedProcessTableRunner"), Planned.read(ours, "generatedProcessTableRunner"));
    }
}
