import { defineConfig } from "vite";

// One script and one style sheet: the report carries both inside itself, the explorer serves them.
export default defineConfig({
  define: { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: "../crates/netfold-render/assets",
    emptyOutDir: true,
    target: "es2022",
    lib: { entry: "src/main.tsx", formats: ["iife"], name: "netfold", fileName: () => "page.js", cssFileName: "page" },
  },
});
