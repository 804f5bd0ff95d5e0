package exchangefingerprint.flink.state;

import exchangefingerprint.flink.planned.Planned;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.apache.flink.api.common.state.State;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.runtime.state.ttl.AbstractTtlDecorator;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.generated.GeneratedClass;
import org.apache.flink.table.runtime.generated.GeneratedHashFunction;
import org.apache.flink.table.runtime.generated.GeneratedProcessTableRunner;
import org.apache.flink.table.runtime.generated.GeneratedRecordComparator;
import org.apache.flink.table.runtime.generated.GeneratedRecordEqualiser;
import org.apache.flink.table.runtime.generated.HashFunction;
import org.apache.flink.table.runtime.generated.ProcessTableRunner;
import org.apache.flink.table.runtime.generated.RecordComparator;
import org.apache.flink.table.runtime.generated.RecordEqualiser;
import org.apache.flink.table.runtime.operators.process.ProcessSetTableOperator;
import org.apache.flink.table.runtime.operators.process.ProcessTableOperatorFactory;
import org.apache.flink.table.runtime.operators.process.RuntimeChangelogMode;
import org.apache.flink.table.runtime.operators.process.RuntimeStateInfo;
import org.apache.flink.table.runtime.operators.process.RuntimeTableSemantics;

/**
 * Flink's operator for a function with state, which looks for expired state a hundredth as often.
 *
 * <p>Flink's own looks at five entries at each access, of which a message makes two. Next to none of them has expired,
 * and of many connections none is in the processor's cache.
 */
public final class SeldomSwept extends ProcessSetTableOperator {
    private static final long serialVersionUID = 1L;

    /** So many accesses make one look at five entries: ten messages look at one. */
    static final int ACCESSES = 100;

    private SeldomSwept(
            StreamOperatorParameters<RowData> parameters,
            List<RuntimeTableSemantics> inputs,
            List<RuntimeStateInfo> states,
            RecordComparator[] orders,
            ProcessTableRunner function,
            HashFunction[] hashes,
            RecordEqualiser[] equalisers,
            RuntimeChangelogMode mode,
            List<StateTtlConfig> bufferTtl) {
        super(parameters, inputs, states, orders, function, hashes, equalisers, mode, bufferTtl);
    }

    @Override
    public void open() throws Exception {
        super.open();
        for (State state : (State[]) Planned.read(this, "stateHandles")) {
            sweepSeldom(state);
        }
    }

    /** Let a state that expires look for what has expired at each hundredth access; leave any other as it is. */
    static void sweepSeldom(Object state) {
        if (state instanceof AbstractTtlDecorator) {
            Runnable sweep = (Runnable) Planned.read(state, "accessCallback");
            Planned.write(state, "accessCallback", new EachHundredth(sweep));
        }
    }

    private static final class EachHundredth implements Runnable {
        private final Runnable sweep;
        private int accesses;

        EachHundredth(Runnable sweep) {
            this.sweep = sweep;
        }

        @Override
        public void run() {
            if (++accesses == ACCESSES) {
                accesses = 0;
                sweep.run();
            }
        }
    }

    /** Makes this operator of what the planner has made. */
    @SuppressWarnings({"rawtypes", "unchecked"}) // as the class that it extends has it
    static final class Factory extends ProcessTableOperatorFactory {
        private static final long serialVersionUID = 1L;

        Factory(ProcessTableOperatorFactory planned) {
            super(
                    (List<RuntimeTableSemantics>) Planned.read(planned, "tableSemantics"),
                    (List<RuntimeStateInfo>) Planned.read(planned, "stateInfos"),
                    (GeneratedRecordComparator[]) Planned.read(planned, "generatedOrderByComparators"),
                    (GeneratedProcessTableRunner) Planned.read(planned, "generatedProcessTableRunner"),
                    (GeneratedHashFunction[]) Planned.read(planned, "generatedStateHashCode"),
                    (GeneratedRecordEqualiser[]) Planned.read(planned, "generatedStateEquals"),
                    (RuntimeChangelogMode) Planned.read(planned, "producedChangelogMode"),
                    (List<StateTtlConfig>) Planned.read(planned, "inputBufferTtlConfigs"));
        }

        @Override
        public StreamOperator createStreamOperator(StreamOperatorParameters parameters) {
            ClassLoader loader = parameters.getContainingTask().getUserCodeClassLoader();
            var function = (GeneratedProcessTableRunner) Planned.read(this, "generatedProcessTableRunner");
            return new SeldomSwept(
                    parameters,
                    (List<RuntimeTableSemantics>) Planned.read(this, "tableSemantics"),
                    (List<RuntimeStateInfo>) Planned.read(this, "stateInfos"),
                    made("generatedOrderByComparators", loader, RecordComparator[]::new),
                    function.newInstance(loader),
                    made("generatedStateHashCode", loader, HashFunction[]::new),
                    made("generatedStateEquals", loader, RecordEqualiser[]::new),
                    (RuntimeChangelogMode) Planned.read(this, "producedChangelogMode"),
                    (List<StateTtlConfig>) Planned.read(this, "inputBufferTtlConfigs"));
        }

        private <T> T[] made(String name, ClassLoader loader, IntFunction<T[]> array) {
            GeneratedClass<T>[] generated = (GeneratedClass<T>[]) Planned.read(this, name);
            return Arrays.stream(generated)
                    .map(each -> each == null ? null : each.newInstance(loader))
                    .toArray(array);
        }

        @Override
        public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader loader) {
            return SeldomSwept.class;
        }
    }

    /** Puts this operator where the planner has put Flink's. */
    public static final class InPlace implements Consumer<Transformation<?>> {
        @Override
        public void accept(Transformation<?> planned) {
            Planned.replace(planned, new Factory((ProcessTableOperatorFactory) Planned.factory(planned)));
        }
    }
}
