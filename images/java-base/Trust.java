import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;

/** Puts the certificates of the first file, in PEM, into a store of Java's own kind. */
public class Trust {
    public static void main(String... files) throws Exception {
        var store = KeyStore.getInstance("JKS");
        store.load(null, null);
        try (var input = new FileInputStream(files[0])) {
            int number = 0;
            for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(input)) {
                store.setCertificateEntry("distribution-" + number++, each);
            }
        }
        try (var output = new FileOutputStream(files[1])) {
            // Java's usual one; it guards against damage, not against readers.
            store.store(output, "changeit".toCharArray());
        }
    }
}
