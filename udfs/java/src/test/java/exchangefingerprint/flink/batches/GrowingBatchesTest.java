package exchangefingerprint.flink.batches;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import exchangefingerprint.flink.planned.Nothing;
import exchangefingerprint.flink.planned.Planned;
import java.lang.reflect.Proxy;
import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.python.PythonFunctionRunner;
import org.apache.flink.streaming.api.operators.SimpleOperatorFactory;
import org.apache.flink.streaming.api.transformations.OneInputTransformation;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.python.PythonFunctionInfo;
import org.apache.flink.table.runtime.generated.GeneratedProjection;
import org.apache.flink.table.runtime.operators.python.scalar.arrow.ArrowPythonScalarFunctionOperator;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;

class GrowingBatchesTest {
    private static final RowType ROW = RowType.of(new BigIntType());

    @Test
    void itTakesThePlaceOfThePlannersOperator() throws Exception {
        Configuration given = new Configuration();
        given.setString("python.fn-execution.bundle.time", "17");
        OneInputTransformation<RowData, RowData> planned = planned(given);

        new GrowingBatches.InPlace().accept(planned);

        GrowingBatches ours = assertInstanceOf(
                GrowingBatches.class, ((SimpleOperatorFactory<?>) planned.getOperatorFactory()).getOperator());
        assertEquals(given, ours.getConfiguration());
        assertEquals(given, InstantiationUtil.clone(ours).getConfiguration());
    }

    private static OneInputTransformation<RowData, RowData> planned(Configuration given) {
        return new OneInputTransformation<>(
                new Nothing(Types.GENERIC(RowData.class)),
                "Score windows",
                SimpleOperatorFactory.of(new ArrowPythonScalarFunctionOperator(
                        given, new PythonFunctionInfo[0], ROW, ROW, ROW, projection(), projection())),
                Types.GENERIC(RowData.class),
                1);
    }

    @Test
    void theMarkOfTheCallBeforeHidesNothing() throws Exception {
        OneInputTransformation<RowData, RowData> planned = planned(new Configuration());
        new GrowingBatches.InPlace().accept(planned);
        GrowingBatches ours =
                (GrowingBatches) ((SimpleOperatorFactory<?>) planned.getOperatorFactory()).getOperator();
        Deque<Tuple3<String, byte[], Integer>> come = new ArrayDeque<>();
        come.add(Tuple3.of(null, new byte[0], 0));
        come.add(Tuple3.of(null, new byte[0], 0));
        Planned.write(ours, "pythonFunctionRunner", Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {PythonFunctionRunner.class}, (proxy, method, given) -> {
                    assertEquals("pollResult", method.getName());
                    return come.poll();
                }));

        ours.emitResults();

        assertTrue(come.isEmpty());
    }

    private static GeneratedProjection projection() {
        return new GeneratedProjection("Nothing", "", new Object[0]);
    }
}
