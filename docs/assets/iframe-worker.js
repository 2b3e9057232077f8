// The search runs in a worker, and a page that was opened from disk may start none. There, a hidden frame runs its
// script instead; the frame's scope answers to the two names that such a script uses: `message` events and postMessage.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      const scope = frame.contentWindow
      scope.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      const script = scope.document.createElement("script")
      script.src = url
      script.addEventListener("load", () => {
        this.scope = scope
        for (const data of this.waiting.splice(0)) this.postMessage(data)
      })
      scope.document.body.append(script)
    }
    postMessage(data) {
      if (this.scope) this.scope.dispatchEvent(new MessageEvent("message", { data }))
      else this.waiting.push(data)
    }
    terminate() {}
  }
}
