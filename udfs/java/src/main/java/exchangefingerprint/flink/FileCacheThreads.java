package exchangefingerprint.flink;

/**
 * The threads of Flink's file cache, which are made when a task first needs one and stay for the TaskManager's life.
 *
 * <p>Each keeps the class loader of the task that made it, and with that all classes of a job that has ended: those of
 * Beam are proxies of the loader's own.
 */
public final class FileCacheThreads {
    private static final String NAME = "flink-file-cache-thread";

    private FileCacheThreads() {}

    /** Let them keep no job's class loader; copying files needs none. */
    public static void forgetJobs() {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith(NAME)) {
                thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
            }
        }
    }
}
