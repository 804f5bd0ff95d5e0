package org.apache.beam.runners.fnexecution.artifact;

import org.apache.beam.model.jobmanagement.v1.ArtifactRetrievalServiceGrpc.ArtifactRetrievalServiceImplBase;
import org.apache.beam.sdk.fn.server.FnService;

/**
 * Serves no file: whoever asks is told that this is not implemented.
 *
 * <p>It stands in for Beam's class of the same name, which gives any caller any file that the TaskManager may read.
 * PyFlink's workers get their code from Flink and never ask.
 */
public final class ArtifactRetrievalService extends ArtifactRetrievalServiceImplBase implements FnService {
    @Override
    public void close() {}
}
