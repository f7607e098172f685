package com.openfaas.model;

/** A function. */
public interface IHandler {
    /**
     * Answers one request. It is called by several threads at once.
     *
     * @throws Exception whatever it likes; the caller gets a 500, the log the stack trace.
     */
    IResponse Handle(IRequest request) throws Exception;
}
