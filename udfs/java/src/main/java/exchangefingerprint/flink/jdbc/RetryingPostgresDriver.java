package exchangefingerprint.flink.jdbc;

import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.SQLException;
import java.util.Properties;
import java.util.logging.Logger;

/**
 * PostgreSQL's driver, but one that waits for a server that is away, and looks for the password where libpq does.
 *
 * <p>The plan of a job holds no password. PostgreSQL's driver itself reads the file that PGPASSFILE names; PGPASSWORD,
 * which comes before it, is read here.
 *
 * <p>Flink's sink connects again when it has lost its connection, once: a server that needs a second to restart would
 * fail the job, and the sink's second complaint, when it is closed, would end the whole TaskManager.
 */
public final class RetryingPostgresDriver implements Driver {
    /** Shorter than a task may take to be cancelled: who waits here does not hear of it. */
    private static final long LONGEST_WAIT_MS = 20_000;

    private static final long PAUSE_MS = 200;
    private static final String CONNECTION_FAILED = "08";
    private static final String POSTGRESQL = "org.postgresql.Driver";
    private static final String STARTING_OR_STOPPING = "57P03";

    private static final String PASSWORD = "password";

    private final Driver driver = postgresql();

    @Override
    public Connection connect(String url, Properties properties) throws SQLException {
        Properties withPassword = withPassword(properties, System.getenv("PGPASSWORD"));
        long startedMs = System.nanoTime() / 1_000_000;
        while (true) {
            try {
                return driver.connect(url, withPassword);
            } catch (SQLException error) {
                if (!isAway(error) || System.nanoTime() / 1_000_000 - startedMs > LONGEST_WAIT_MS) {
                    throw error;
                }
                pause(error);
            }
        }
    }

    /** Add the password of the environment, if there is one and no other is given. */
    static Properties withPassword(Properties given, String ofEnvironment) {
        Properties all = new Properties();
        given.stringPropertyNames().forEach(name -> all.setProperty(name, given.getProperty(name)));
        if (ofEnvironment != null && !ofEnvironment.isEmpty()) {
            all.putIfAbsent(PASSWORD, ofEnvironment);
        }
        return all;
    }

    /** Tell a server that may be back soon from one that refuses us. */
    private static boolean isAway(SQLException error) {
        String state = error.getSQLState();
        return state != null && (state.startsWith(CONNECTION_FAILED) || state.equals(STARTING_OR_STOPPING));
    }

    /** Find the driver by its name: where this is compiled, Flink's jars are all there is. */
    private static Driver postgresql() {
        try {
            ClassLoader loader = RetryingPostgresDriver.class.getClassLoader();
            Class<?> postgresql = Class.forName(POSTGRESQL, true, loader);
            leaveDriverManager(postgresql);
            return (Driver) postgresql.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException("Expected PostgreSQL's driver beside the job's functions", error);
        }
    }

    /** The JVM's list of drivers would hold all classes of the job, once for each time that they are loaded. */
    private static synchronized void leaveDriverManager(Class<?> postgresql) throws ReflectiveOperationException {
        if ((boolean) postgresql.getMethod("isRegistered").invoke(null)) {
            postgresql.getMethod("deregister").invoke(null);
        }
    }

    private static void pause(SQLException error) throws SQLException {
        try {
            Thread.sleep(PAUSE_MS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw error;
        }
    }

    @Override
    public boolean acceptsURL(String url) throws SQLException {
        return driver.acceptsURL(url);
    }

    @Override
    public DriverPropertyInfo[] getPropertyInfo(String url, Properties properties) throws SQLException {
        return driver.getPropertyInfo(url, properties);
    }

    @Override
    public int getMajorVersion() {
        return driver.getMajorVersion();
    }

    @Override
    public int getMinorVersion() {
        return driver.getMinorVersion();
    }

    @Override
    public boolean jdbcCompliant() {
        return driver.jdbcCompliant();
    }

    @Override
    public Logger getParentLogger() throws java.sql.SQLFeatureNotSupportedException {
        return driver.getParentLogger();
    }
}
