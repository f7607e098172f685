package com.openfaas.model;

/** What a function may extend, rather than implement {@link IHandler}. */
public abstract class AbstractHandler implements IHandler {}
