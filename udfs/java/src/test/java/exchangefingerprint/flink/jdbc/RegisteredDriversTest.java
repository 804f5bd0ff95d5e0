package exchangefingerprint.flink.jdbc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.sql.Driver;
import java.sql.DriverManager;
import java.util.List;
import org.junit.jupiter.api.Test;

class RegisteredDriversTest {
    /** One that stays there holds all classes of a job that has ended, until the TaskManager has no room for more. */
    @Test
    void noDriverStaysWhereTheJvmHoldsIt() {
        new RetryingPostgresDriver();
        new RetryingPostgresDriver();
        assertEquals(
                List.of(),
                DriverManager.drivers()
                        .map(Driver::getClass)
                        .filter(type -> type.getName().startsWith("org.postgresql"))
                        .toList());
    }
}
