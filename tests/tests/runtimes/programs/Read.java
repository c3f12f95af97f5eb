import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileReader;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** Reads a file in the way that the first argument names, and prints what it read. */
public final class Read {
    public static void main(String[] args) throws Exception {
        String how = args[0];
        Path path = Path.of(how.equals("process") ? "" : args[1]);
        switch (how) {
            case "stream" -> {
                try (InputStream in = new FileInputStream(path.toFile())) {
                    print(in.readAllBytes());
                }
            }
            case "reader" -> {
                try (BufferedReader in = new BufferedReader(new FileReader(path.toFile()))) {
                    in.lines().forEach(System.out::println);
                }
            }
            case "files" -> System.out.print(Files.readString(path) + Files.size(path));
            case "channel" -> {
                try (FileChannel in = FileChannel.open(path)) {
                    ByteBuffer buffer = ByteBuffer.allocateDirect((int) in.size());
                    in.read(buffer, 0);
                    byte[] bytes = new byte[buffer.flip().remaining()];
                    buffer.get(bytes);
                    print(bytes);
                }
            }
            case "mapped" -> {
                try (FileChannel in = FileChannel.open(path)) {
                    ByteBuffer map = in.map(FileChannel.MapMode.READ_ONLY, 0, in.size());
                    byte[] bytes = new byte[map.remaining()];
                    map.get(bytes);
                    print(bytes);
                }
            }
            case "transfer" -> {
                Path copy = Path.of("copy");
                Files.copy(path, copy, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
                print(Files.readAllBytes(copy));
                Files.delete(copy);
            }
            case "random" -> {
                try (RandomAccessFile in = new RandomAccessFile(path.toFile(), "r")) {
                    in.seek(4);
                    System.out.println(in.length() + " " + in.readLine());
                }
            }
            case "directory" -> {
                try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
                    for (Path entry : entries) {
                        System.out.println(entry + " " + Files.isRegularFile(entry));
                    }
                }
            }
            case "config-tree" -> tree(path);
            case "properties" -> {
                Properties properties = new Properties();
                try (InputStream in = Files.newInputStream(path)) {
                    properties.load(in);
                }
                System.out.println(properties.getProperty("password"));
            }
            case "process" -> {
                Process process = new ProcessBuilder("sh", "-c", args[1]).inheritIO().start();
                System.exit(process.waitFor());
            }
            case "env" -> System.out.println(System.getenv(args[1]));
            default -> System.exit(2);
        }
    }

    /** Every file is a property: Spring's {@code spring.config.import=configtree:}. */
    private static void tree(Path root) throws Exception {
        try (var paths = Files.walk(root)) {
            for (Path path : (Iterable<Path>) paths.sorted()::iterator) {
                if (Files.isRegularFile(path) && Files.isReadable(path)) {
                    String name = root.relativize(path).toString().replace('/', '.');
                    System.out.println(name + "=" + Files.readString(path).strip());
                }
            }
        }
    }

    private static void print(byte[] bytes) {
        System.out.print(new String(bytes, StandardCharsets.UTF_8));
    }
}
