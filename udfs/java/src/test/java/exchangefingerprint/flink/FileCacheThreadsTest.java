package exchangefingerprint.flink;

import static org.junit.jupiter.api.Assertions.assertSame;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class FileCacheThreadsTest {
    private final CountDownLatch end = new CountDownLatch(1);

    private Thread start(String name, ClassLoader loader) {
        Thread thread = new Thread(this::await, name);
        thread.setContextClassLoader(loader);
        thread.start();
        return thread;
    }

    private void await() {
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void theyKeepNoJobsLoaderAndOthersKeepTheirs() throws Exception {
        try (URLClassLoader job = new URLClassLoader(new URL[0])) {
            Thread ofCache = start("flink-file-cache-thread-3", job);
            Thread other = start("flink-taskexecutor-io-thread-3", job);
            FileCacheThreads.forgetJobs();
            assertSame(ClassLoader.getSystemClassLoader(), ofCache.getContextClassLoader());
            assertSame(job, other.getContextClassLoader());
        } finally {
            end.countDown();
        }
    }
}
