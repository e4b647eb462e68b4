/** The part of Swagger UI's interface that is used here; the package brings no types for its module. */
declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  /** What React draws; only handed on. */
  export type Element = { readonly drawn: unique symbol };
  type Component = string | ((props: never) => unknown);
  type LayoutProps = {
    getComponent(name: string, isContainer?: boolean): Component;
    specSelectors: { loadingStatus(): "loading" | "success" | "failed" | undefined };
  };
  /** Components by name, new ones and wrappers of those there are. */
  export type Plugin = (system: {
    React: { createElement(type: Component, props?: object | null, ...children: unknown[]): Element };
  }) => {
    components: Record<string, (props: LayoutProps) => Element>;
    wrapComponents: Record<string, (original: unknown) => Component>;
  };
  /** Renders into `domNode`. The options are documented at swagger.io/docs, Swagger UI, Configuration. */
  export default function SwaggerUI(options: {
    url: string;
    domNode: HTMLElement;
    layout: string;
    plugins: Plugin[];
    deepLinking: boolean;
    displayRequestDuration: boolean;
    syntaxHighlight: { activated: boolean };
    validatorUrl: null;
  }): void;
}
