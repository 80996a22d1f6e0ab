/*
 * The BouncyCastle side of the engine's benchmark: S/MIME by its mail library, with chain validation on each reading.
 * Usage: Bouncy FOLDER. A line "OPERATION COUNT" is answered with the process's processor time of one operation in milliseconds.
 */
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import javax.mail.Session;
import javax.mail.internet.InternetHeaders;
import javax.mail.internet.MimeBodyPart;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.mail.smime.SMIMEEnveloped;
import org.bouncycastle.mail.smime.SMIMEEnvelopedGenerator;
import org.bouncycastle.mail.smime.SMIMESigned;
import org.bouncycastle.mail.smime.SMIMESignedGenerator;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.util.CollectionStore;

public final class Bouncy {
    private static final String BC = "BC";
    private static Path folder;
    private static X509CertificateHolder holder;
    private static X509Certificate certificate;
    private static X509CertificateHolder intermediate;
    private static TrustAnchor root;
    private static PrivateKey key;
    private static byte[] header;
    private static byte[] entity;
    private static byte[] cbc;
    private static byte[] gcm;

    private Bouncy() {
    }

    private static Object pem(String name) throws Exception {
        try (PEMParser parser = new PEMParser(Files.newBufferedReader(folder.resolve(name)))) {
            return parser.readObject();
        }
    }

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        folder = Path.of(args[0]);
        JcaX509CertificateConverter converter = new JcaX509CertificateConverter().setProvider(BC);
        holder = (X509CertificateHolder) pem("certificate.pem");
        certificate = converter.getCertificate(holder);
        intermediate = (X509CertificateHolder) pem("intermediate.pem");
        root = new TrustAnchor(converter.getCertificate((X509CertificateHolder) pem("root.pem")), null);
        key = new JcaPEMKeyConverter().setProvider(BC).getPrivateKey((PrivateKeyInfo) pem("key.pem"));
        header = Files.readAllBytes(folder.resolve("header"));
        entity = Files.readAllBytes(folder.resolve("entity"));
        cbc = Files.readAllBytes(folder.resolve("cbc.eml"));
        gcm = Files.readAllBytes(folder.resolve("gcm.eml"));
        com.sun.management.OperatingSystemMXBean system =
                (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            if (words[0].equals("version")) {
                System.out.println("BouncyCastle " + Security.getProvider(BC).getVersionStr() + ", Java "
                        + System.getProperty("java.version"));
                continue;
            }
            int count = Integer.parseInt(words[1]);
            long start = system.getProcessCpuTime();
            for (int i = 0; i < count; i++) {
                run(words[0]);
            }
            System.out.println((system.getProcessCpuTime() - start) / 1e6 / count);
        }
    }

    private static void run(String operation) throws Exception {
        switch (operation) {
            case "sign":
                write(message(signedPart()));
                break;
            case "encrypt-cbc":
                encryptCbc();
                break;
            case "encrypt-gcm":
                encryptGcm();
                break;
            case "open-cbc":
                openCbc();
                break;
            case "open-gcm":
                openGcm();
                break;
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    private static MimeMessage message(MimeMultipart content) throws Exception {
        MimeMessage message = new MimeMessage(Session.getInstance(new Properties()), new ByteArrayInputStream(header));
        message.setContent(content);
        message.saveChanges();
        return message;
    }

    private static byte[] write(MimeMessage message) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        message.writeTo(out);
        return out.toByteArray();
    }

    private static MimeMultipart signedPart() throws Exception {
        SMIMESignedGenerator generator = new SMIMESignedGenerator();
        generator.addSignerInfoGenerator(
                new JcaSimpleSignerInfoGeneratorBuilder().setProvider(BC).build("SHA256withRSA", key, holder));
        generator.addCertificates(new CollectionStore<>(List.of(holder, intermediate)));
        return generator.generate(new MimeBodyPart(new ByteArrayInputStream(entity)));
    }

    private static MimeBodyPart signedBody() throws Exception {
        MimeMultipart signed = signedPart();
        MimeBodyPart body = new MimeBodyPart();
        body.setContent(signed);
        body.setHeader("Content-Type", signed.getContentType());
        return body;
    }

    private static void encryptCbc() throws Exception {
        SMIMEEnvelopedGenerator generator = new SMIMEEnvelopedGenerator();
        generator.addRecipientInfoGenerator(new JceKeyTransRecipientInfoGenerator(certificate).setProvider(BC));
        MimeBodyPart encrypted = generator.generate(signedBody(),
                new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_CBC).setProvider(BC).build());
        MimeMessage message = new MimeMessage(Session.getInstance(new Properties()), new ByteArrayInputStream(header));
        message.setContent(encrypted.getContent(), encrypted.getContentType());
        message.saveChanges();
        write(message);
    }

    /* The mail library knows no AuthEnvelopedData: its CMS library does that part. */
    private static void encryptGcm() throws Exception {
        ByteArrayOutputStream inner = new ByteArrayOutputStream();
        signedBody().writeTo(inner);
        CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(new JceKeyTransRecipientInfoGenerator(certificate).setProvider(BC));
        CMSAuthEnvelopedData data = generator.generate(new CMSProcessableByteArray(inner.toByteArray()),
                (OutputAEADEncryptor) new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM).setProvider(BC).build());
        InternetHeaders headers = new InternetHeaders();
        headers.addHeader("Content-Type", "application/pkcs7-mime; smime-type=authEnveloped-data; name=smime.p7m");
        headers.addHeader("Content-Transfer-Encoding", "base64");
        byte[] text = java.util.Base64.getMimeEncoder().encode(data.getEncoded());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(header);
        new MimeBodyPart(headers, text).writeTo(out);
    }

    private static void openCbc() throws Exception {
        MimeMessage message = new MimeMessage(Session.getInstance(new Properties()), new ByteArrayInputStream(cbc));
        RecipientInformation recipient =
                new SMIMEEnveloped(message).getRecipientInfos().getRecipients().iterator().next();
        verify(recipient.getContent(new JceKeyTransEnvelopedRecipient(key).setProvider(BC)));
    }

    private static void openGcm() throws Exception {
        MimeMessage message = new MimeMessage(Session.getInstance(new Properties()), new ByteArrayInputStream(gcm));
        byte[] object = message.getInputStream().readAllBytes();
        RecipientInformation recipient =
                new CMSAuthEnvelopedData(object).getRecipientInfos().getRecipients().iterator().next();
        verify(recipient.getContent(new JceKeyTransAuthEnvelopedRecipient(key).setProvider(BC)));
    }

    private static void verify(byte[] plain) throws Exception {
        MimeBodyPart part = new MimeBodyPart(new ByteArrayInputStream(plain));
        SMIMESigned signed = new SMIMESigned((MimeMultipart) part.getContent());
        JcaX509CertificateConverter converter = new JcaX509CertificateConverter().setProvider(BC);
        List<X509Certificate> all = new ArrayList<>();
        for (X509CertificateHolder each : signed.getCertificates().getMatches(null)) {
            all.add(converter.getCertificate(each));
        }
        for (SignerInformation signer : signed.getSignerInfos().getSigners()) {
            @SuppressWarnings("unchecked")
            X509CertificateHolder own =
                    (X509CertificateHolder) signed.getCertificates().getMatches(signer.getSID()).iterator().next();
            X509CertSelector target = new X509CertSelector();
            target.setCertificate(converter.getCertificate(own));
            PKIXBuilderParameters parameters = new PKIXBuilderParameters(Set.of(root), target);
            parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(all)));
            parameters.setRevocationEnabled(false);
            CertPathBuilder.getInstance("PKIX", BC).build(parameters);
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC).build(own))) {
                throw new IllegalStateException("signature is wrong");
            }
        }
    }
}
