package exchangefingerprint.flink.jdbc;

import exchangefingerprint.flink.planned.Planned;
import org.apache.flink.connector.jdbc.postgres.database.dialect.PostgresDialect;
import org.apache.flink.connector.jdbc.postgres.database.dialect.PostgresDialectConverter;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/**
 * PostgreSQL's dialect of Flink's JDBC connector, which reads arrays but writes none, with arrays of floats.
 *
 * <p>PostgreSQL's driver sends them as the bytes that the server keeps. As a text, which the connector could write, an
 * array of 72 numbers costs the server more than all else in a window's row.
 */
final class FloatArrays extends PostgresDialect {
    private static final long serialVersionUID = 1L;

    /** Let a sink of the connector that has not been built yet write them. */
    static void teach(DynamicTableSink jdbc) {
        FloatArrays dialect = new FloatArrays();
        Planned.write(Planned.read(jdbc, "jdbcOptions"), "dialect", dialect);
        Planned.write(Planned.read(jdbc, "dmlOptions"), "dialect", dialect);
    }

    @Override
    public PostgresDialectConverter getRowConverter(RowType rowType) {
        return new Converter(rowType);
    }

    /** Return an array as the driver takes it; NaN is NULL. */
    static Float[] withNulls(float[] numbers) {
        Float[] all = new Float[numbers.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = Float.isNaN(numbers[i]) ? null : (Float) numbers[i];
        }
        return all;
    }

    private static final class Converter extends PostgresDialectConverter {
        private static final long serialVersionUID = 1L;

        Converter(RowType rowType) {
            super(rowType);
        }

        @Override
        protected JdbcSerializationConverter createNullableExternalConverter(LogicalType type) {
            if (type.getTypeRoot() != LogicalTypeRoot.ARRAY) {
                return super.createNullableExternalConverter(type);
            }
            return (row, column, statement) ->
                    statement.setObject(column, withNulls(row.getArray(column).toFloatArray()));
        }
    }
}
