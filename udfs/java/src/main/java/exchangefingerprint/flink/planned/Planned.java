package exchangefingerprint.flink.planned;

import java.lang.reflect.Field;
import java.util.List;
import org.apache.flink.api.dag.Transformation;
import org.apache.flink.streaming.api.operators.StreamOperatorFactory;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;

/**
 * What Flink's planner has made of the job's SQL, and what takes its place.
 *
 * <p>The planner names its operators in its own code, and has no option for others: so the fields say what it has made,
 * and a Flink whose fields are others is told when the job is built.
 */
public final class Planned {
    private static final String FACTORY = "operatorFactory";

    private Planned() {}

    /** Return the factory of the operator that the planner has put there. */
    public static StreamOperatorFactory<?> factory(Transformation<?> transformation) {
        return (StreamOperatorFactory<?>) read(transformation, FACTORY);
    }

    /** Put another operator there. */
    public static void replace(Transformation<?> transformation, StreamOperatorFactory<?> ours) {
        write(transformation, FACTORY, ours);
    }

    /** Return the columns of what comes in; there is one input. */
    public static RowType inputType(Transformation<?> transformation) {
        List<Transformation<?>> inputs = transformation.getInputs();
        if (inputs.size() != 1) {
            throw new IllegalStateException(
                    "Expected one input of " + transformation.getName() + ", found " + inputs.size());
        }
        return outputType(inputs.get(0));
    }

    /** Return the columns of what goes out. */
    public static RowType outputType(Transformation<?> transformation) {
        return ((InternalTypeInfo<?>) transformation.getOutputType()).toRowType();
    }

    /** Read a field, whoever may. */
    public static Object read(Object of, String name) {
        try {
            return field(of, name).get(of);
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error);
        }
    }

    /** Write a field, whoever may. */
    public static void write(Object of, String name, Object value) {
        try {
            field(of, name).set(of, value);
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Field field(Object of, String name) {
        for (Class<?> at = of.getClass(); at != null; at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                if (field.getName().equals(name)) {
                    field.setAccessible(true);
                    return field;
                }
            }
        }
        throw new IllegalStateException("Expected a field " + name + " of " + of.getClass().getName() + ", found none");
    }
}
