CREATE TABLE device (
    device_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_key      text NOT NULL,
    device_name     text NOT NULL,
    device_desc     text NOT NULL DEFAULT '',
    device_location point,
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE device_status (
    status_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id     bigint NOT NULL REFERENCES device ON DELETE CASCADE,
    uptime        bigint NOT NULL CHECK (uptime >= 0),
    temperature_c int NOT NULL CHECK (temperature_c >= -273),
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ON device_status (device_id, status_id DESC);

-- A new device, and the one time that its key is told. Nobody chooses it: it is 244 random bits,
-- which cannot be guessed however quick the hash is, so that checking one costs a call nothing.
-- What is kept is a salt and the SHA-256 of salt and key.
CREATE FUNCTION register_device(name text, description text DEFAULT '', location point DEFAULT NULL)
    RETURNS TABLE (id bigint, key text) LANGUAGE plpgsql AS $$
DECLARE
    salt text := replace(gen_random_uuid()::text, '-', '');
BEGIN
    key := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
    INSERT INTO device (device_key, device_name, device_desc, device_location)
        VALUES (salt || '$' || encode(sha256(convert_to(salt || key, 'UTF8')), 'hex'),
                name, description, location)
        RETURNING device_id INTO id;
    RETURN NEXT;
END $$;
